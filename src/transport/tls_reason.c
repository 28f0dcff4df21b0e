/* What went wrong in TLS, said so that it tells which end has to do what. */
#include "transport/tls.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

static const struct {
	long verdict;
	const char *text;
} verdicts[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, "the server's certificate has expired"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "the server's certificate is not valid yet"},
    {X509_V_ERR_HOSTNAME_MISMATCH, "the server's certificate is for another host name"},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, "the server's certificate is for another address"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "the server's certificate comes from an unknown authority"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "the server's certificate comes from an unknown authority"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "the server's certificate comes from an unknown authority"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
	"the server's certificate comes from an unknown authority (it is signed by itself)"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "the server's certificate comes from an unknown authority (its own root)"},
    {X509_V_ERR_CERT_REVOKED, "the server's certificate was revoked"},
};

static const struct {
	int reason; /* of the library SSL; alerts are what the server says of us */
	const char *text;
} reasons[] = {
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "the server requires a client certificate"},
    {SSL_R_SSLV3_ALERT_NO_CERTIFICATE, "the server requires a client certificate"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the server does not accept the client certificate"},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "the server does not take client certificates of this kind"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the server says that the client certificate has expired"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "the server says that the client certificate was revoked"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the server does not accept the client certificate"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the server does not know the authority of the client certificate"},
    {SSL_R_TLSV1_ALERT_ACCESS_DENIED, "the server denies access to the client certificate"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the server speaks no version of TLS that is allowed here"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "the server speaks no version of TLS that is allowed here"},
    {SSL_R_WRONG_VERSION_NUMBER, "the server does not speak TLS (wrong version number)"},
};

const char *
tls_reason(bool asked, long verdict, unsigned long error)
{
	if (verdict != X509_V_OK) {
		for (size_t i = 0; i < COUNT_OF(verdicts); i++)
			if (verdicts[i].verdict == verdict)
				return verdicts[i].text;
		return X509_verify_cert_error_string(verdict);
	}
	if (ERR_GET_LIB(error) == ERR_LIB_SSL)
		for (size_t i = 0; i < COUNT_OF(reasons); i++)
			if (reasons[i].reason == ERR_GET_REASON(error))
				return reasons[i].text;
	/* Whatever it said, or left unsaid: this is what it wanted and did not get. */
	if (asked)
		return "the server asks for a client certificate, and the endpoint has none";
	return error == 0 ? NULL : ERR_reason_error_string(error);
}
