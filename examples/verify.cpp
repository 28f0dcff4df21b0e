// The library from C++: handles in unique_ptr, so that every way out frees them.
//
//   c++ -std=c++17 verify.cpp $(pkg-config --cflags --libs vaultbell) -o verify
//
// Verifies the example of the Standard Webhooks libraries, then the same request with its body changed.
#include <cstring>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>
#include <vaultbell.h>

struct Free {
	void operator()(vaultbell_keys *keys) const { vaultbell_keys_free(keys); }
	void operator()(vaultbell_request *request) const { vaultbell_request_free(request); }
};

using Keys = std::unique_ptr<vaultbell_keys, Free>;
using Request = std::unique_ptr<vaultbell_request, Free>;
using Headers = std::vector<std::pair<std::string, std::string>>;

static Keys
parse_keys(const std::string &text)
{
	char why[200];
	Keys keys(vaultbell_keys_parse(VAULTBELL_STANDARD, text.data(), text.size(), why, sizeof why));
	if (!keys)
		throw std::invalid_argument(why);
	return keys;
}

// The event's id; throws with the reason when the request is to be refused.
static std::string
verify(const Keys &keys, const Headers &headers, const std::string &body, std::int64_t now)
{
	Request request(vaultbell_request_new());
	for (const auto &[name, value] : headers)
		vaultbell_request_add_header(request.get(), name.c_str(), value.c_str());
	vaultbell_request_set_body(request.get(), body.data(), body.size());
	if (vaultbell_verify(keys.get(), request.get(), now) != VAULTBELL_VERIFIED)
		throw std::runtime_error(vaultbell_reason(request.get()));
	return vaultbell_event_id(request.get());
}

int
main()
{
	const Keys keys = parse_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
	const Headers headers = {
	    {"Webhook-Id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
	    {"Webhook-Timestamp", "1614265330"},
	    {"Webhook-Signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
	};
	std::cout << "verified: event " << verify(keys, headers, R"({"test": 2432232314})", 1614265330) << '\n';
	try {
		verify(keys, headers, R"({"test": 2432232315})", 1614265330);
	} catch (const std::runtime_error &refused) {
		std::cout << "refused: " << refused.what() << '\n';
		return 0;
	}
	return 1;
}
