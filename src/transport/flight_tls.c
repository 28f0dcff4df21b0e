/* TLS identities and certificates with libcurl. */
#include "transport/flight.h"
#include "transport/tls.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>

static bool
set_blob(CURL *easy, CURLoption option, struct slice text)
{
	/* libcurl copies it and does not write to it, whatever the type of `data`. */
	union {
		const char *constant;
		void *data;
	} pointer = {.constant = text.ptr};
	struct curl_blob blob = {.data = pointer.data, .len = text.len, .flags = CURL_BLOB_COPY};
	return curl_easy_setopt(easy, option, slice_present(text) ? &blob : NULL) == CURLE_OK;
}

bool
flight_set_identity(struct flight *flight)
{
	struct tls_identity *identity = flight->transmission->identity;
	if (identity == flight->identity && !flight->identity_unset)
		return true;
	CURL *easy = flight->easy;
	bool any = identity != NULL, tls13_only = any && tls_identity_tls13_only(identity);
	const char *schemes = flight->plain && !any ? "http,https" : "https";
	bool good = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, schemes) == CURLE_OK;
	good = good && set_blob(easy, CURLOPT_SSLCERT_BLOB, any ? tls_identity_certificate(identity) : SLICE_NONE);
	good = good && set_blob(easy, CURLOPT_SSLKEY_BLOB, any ? tls_identity_key(identity) : SLICE_NONE);
	good = good && set_blob(easy, CURLOPT_CAINFO_BLOB, any ? tls_identity_authorities(identity) : SLICE_NONE);
	long version = tls13_only ? (long)CURL_SSLVERSION_TLSv1_3 : (long)CURL_SSLVERSION_TLSv1_2;
	good = good && curl_easy_setopt(easy, CURLOPT_SSLVERSION, version) == CURLE_OK;
	good = good && curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, any ? 1L : 0L) == CURLE_OK;
	good = good && curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, any ? 1L : 0L) == CURLE_OK;
	good = good && curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, any ? 0L : 1L) == CURLE_OK;
	tls_identity_unref(flight->identity);
	/* What was set by half is set anew the next time: no identity of a transmission is this one. */
	flight->identity = good ? tls_identity_ref(identity) : NULL;
	flight->identity_unset = !good;
	return good;
}

void
flight_note_peer(struct flight *flight)
{
	struct curl_tlssessioninfo *session = NULL;
	if (curl_easy_getinfo(flight->easy, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || session == NULL ||
	    session->backend != CURLSSLBACKEND_OPENSSL || session->internals == NULL)
		return;
	const X509 *certificate = SSL_get0_peer_certificate(session->internals);
	if (certificate != NULL)
		flight->transmission->peer_expires = certificate_expires(certificate);
}

const char *
flight_tls_reason(const struct flight *flight, CURLcode result)
{
	static const struct {
		const char *text;
		int reason;
	} alerts[] = {
	    {"certificate required", SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED},
	    {"alert bad certificate", SSL_R_SSLV3_ALERT_BAD_CERTIFICATE},
	    {"alert certificate expired", SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED},
	    {"alert unknown ca", SSL_R_TLSV1_ALERT_UNKNOWN_CA},
	    {"protocol version", SSL_R_TLSV1_ALERT_PROTOCOL_VERSION},
	    {"unsupported protocol", SSL_R_UNSUPPORTED_PROTOCOL},
	    {"wrong version number", SSL_R_WRONG_VERSION_NUMBER},
	};
	long verdict = X509_V_OK;
	curl_easy_getinfo(flight->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
	/* What libcurl begins with is the unspecified one. */
	if (verdict != X509_V_OK && verdict != X509_V_ERR_UNSPECIFIED)
		return tls_reason(false, verdict, 0);
	if (result == CURLE_PEER_FAILED_VERIFICATION)
		return tls_reason(false, X509_V_ERR_HOSTNAME_MISMATCH, 0);
	for (size_t i = 0; i < COUNT_OF(alerts); i++)
		if (strstr(flight->problem, alerts[i].text) != NULL)
			return tls_reason(false, X509_V_OK, ERR_PACK(ERR_LIB_SSL, 0, alerts[i].reason));
	/* What libcurl says of the others names no address. */
	return flight->problem[0] != '\0' ? flight->problem : curl_easy_strerror(result);
}
