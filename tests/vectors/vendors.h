/* Written by tests/vectors/vendors.mjs. Requests that node:crypto signed, as other platforms do. */
#ifndef VECTORS_VENDORS_H
#define VECTORS_VENDORS_H

#include "sign/sign.h"

enum { VECTOR_TIME = 1730482675 };

struct vendor_vector {
	const char *name;
	enum sign_scheme scheme;
	const char *keys;    /* a secret file */
	const char *headers; /* a `name: value` a line */
	const char *body;
	const char *id;	  /* the event id that must come out */
	bool signed_time; /* whether it can be stale */
	size_t key;	  /* the index of the key that fits */
};

static const struct vendor_vector vendor_vectors[] = {
    {
	.name = "fireblocks v2, a key set",
	.scheme = SCHEME_FIREBLOCKS,
	.keys =
	    "{\n  \"keys\": [\n    {\n      \"kty\": \"RSA\",\n      \"n\": \"n39-sE0yPTLMhM1xJ4j8Qs6hrXe1AWartGczcL"
	    "ZcrX7N7qf6HRQyxzbAXiyJSvPPfAzxw0GrfpRUEIVZKCP2QNERf7Z7EwUBjAGZR3lP4OFAxwFRFCB0j1FaZBTXonMl"
	    "HdWToScJ5afM05Ul-TvrCLejbbo8FDfYT4OwF32dJCj-CwnIQ-6i-oKdk5na91KuzhdGfc70L2fmggxSljfyYVzMdI"
	    "yapJ1ej3JG3CsXCBynSv19EYGN_5UVJkyg5HJ2kOU3xh8o3oiHOLxxSTFC8BFY9sPv8tJKy7CN_B9QYuMqgk55rz0f"
	    "QqiibXVcv4F9bkaTkrE_lsTjJMUG5EXWdq8VQNoI_GNPvj-3DlyF9XxSq1TxykzgZaHxNOm-nNKywwdHWZSdpgH-MY"
	    "z_QFp8dUMDTwdUd-rSymecapq4tOHmme8GRTUmzbsufIG1GMhxc-kHWuY4btVjpvOG22Iao_wfdgC3jWR-cwAk5Lkw"
	    "KsBFLg2cBK080GXywP92oTiJYMbshUr2geJAb03CkTHeWuv4XQwoFM2NufmqAVaaMbx8LtgByWgJUdNjNdEpD-2NtQ"
	    "5b_cr2D7uMnnpW6V6cO8vsPk4U0Ui8-1Ld2IMWVg7mZTht9prMvZZgiJ8w9xdXU-jjbbJa2Xk2InuN_2abyuZVQke8"
	    "jGPdHjQrwf55FM8\",\n      \"e\": \"AQAB\",\n      \"kid\": \"webhook-2\",\n      \"use\": \"sig\",\n      "
	    "\""
	    "alg\": \"RS512\"\n    },\n    {\n      \"kty\": \"OKP\",\n      \"crv\": \"X25519\",\n      \"x\": "
	    "\"AA\",\n   "
	    "   \"kid\": \"for something else\"\n    },\n    {\n      \"kty\": \"RSA\",\n      \"n\": \"2PrW2lRQTv9hh-"
	    "Ot5Dt2lohXhfxSRtUAG5_gZMYC9GGa17a18RFGbbUG2dJs5L_H1eX6fYSnJ-ObarZbGKLd4lNG4cN1c1J_zxJ3RGGa"
	    "60S-f1l7GKSAOLBQX2MH-hvfi4opjpWdgjM_kRSAUxscudcr8WR2kbTEZLRfXtoVmN2gBgFb28hpfuAjgmHdBK0d9u"
	    "r0UHwtH93HfgHMBpJ9-zSNVh8gm2hZpXMIq1sPsOnC-jGIMkyDqjfyjI52CtQ9P6S6vprA35mYluHuwZNfu6oPTCz2"
	    "4rtYbpijApHGV654C9wtvI8PVdHNvyW90t6NHjYck5HEp7GQ5ng8FR1ywQ\",\n      \"e\": \"AQAB\",\n      \"kid"
	    "\": \"webhook-1\",\n      \"use\": \"sig\",\n      \"alg\": \"RS512\"\n    }\n  ]\n}",
	.headers = "Fireblocks-Webhook-Signature: eyJhbGciOiJSUzUxMiIsImtpZCI6IndlYmhvb2stMSJ9..UZcoeV-YYSAstt"
		   "PGuP-mUKFTxgHTgVv4eYVBE-k49jaJ0v6K6ilfM3S1nwjkn6MO0bilYmw262ga4723pe_CMWA7yFCHFIlp5DZ6cma0"
		   "NfzjqMfsOD89QhMA0x1LyRKLB79V0XDF77Hj0bLmm99swfSS7csSf8XjWoT9ktGPh9gwetpkcm5eo-LHTsEwTN9MAk"
		   "lxQBPOJTwEQppOwAuMTMlmpk0y64RHbRl1fez0y6UoT_qgs0ldC6WGqJqSDljHH_lSDAqUAR5ez_HHCoIkYlXxO-7J"
		   "X46pLYBk1rsdPfw59nX3AYPBLyrFFeg4DrSliK7BhgyQDPD6qkiTy_R5Ig\n",
	.body = "{\"id\":\"3f9d2d2e-9d0c-4c0f-8f3c-0a4b5f6d7e80\",\"eventType\":\"transaction.created\",\"data\":{\"id"
		"\":\"tx\"}}",
	.id = "3f9d2d2e-9d0c-4c0f-8f3c-0a4b5f6d7e80",
	.signed_time = false,
	.key = 1,
    },
    {
	.name = "fireblocks v2, a key a line",
	.scheme = SCHEME_FIREBLOCKS,
	.keys = "{\"kty\":\"RSA\",\"n\":\"2PrW2lRQTv9hh-Ot5Dt2lohXhfxSRtUAG5_gZMYC9GGa17a18RFGbbUG2dJs5L_H1eX6fYSn"
		"J-ObarZbGKLd4lNG4cN1c1J_zxJ3RGGa60S-f1l7GKSAOLBQX2MH-hvfi4opjpWdgjM_kRSAUxscudcr8WR2kbTEZL"
		"RfXtoVmN2gBgFb28hpfuAjgmHdBK0d9ur0UHwtH93HfgHMBpJ9-zSNVh8gm2hZpXMIq1sPsOnC-jGIMkyDqjfyjI52"
		"CtQ9P6S6vprA35mYluHuwZNfu6oPTCz24rtYbpijApHGV654C9wtvI8PVdHNvyW90t6NHjYck5HEp7GQ5ng8FR1ywQ"
		"\",\"e\":\"AQAB\",\"kid\":\"webhook-1\"}",
	.headers = "Fireblocks-Webhook-Signature: eyJhbGciOiJSUzUxMiIsImtpZCI6IndlYmhvb2stMSIsInR5cCI6IkpPU0Ui"
		   "fQ..gnlFAHdaP2LsAFTg_4c3YCGYirdtxNkQ27JUCgY-k-CeZdTFjJGRv93H9fA09188P31WRsbd1gOZGcaS9ZkUrK"
		   "tdVfVbG2qVvsdks6KP4HamuMF_CBwPyI4GBtpxtmqsYHRP5h1m0H2nihk32QSoevI-CS2VB2FKQNW2LE0nH2voEouO"
		   "wG7uzoZlmGaxtUd7LcTb2nU9trXBAWB5AMXPpe0XwxIJLUPfDLwQ7Kdz-nTZeVOHakL1a6OqbtrWKoiOfv5peW2E4h"
		   "jE2r483FepJZXAyb1dv0qnmaXdwG4-6-OpNsyDiG_zGqynB17Oz3MFdvMIa7wxyfP77Ya5jOhHUw\n",
	.body = "{\"id\":\"3f9d2d2e-9d0c-4c0f-8f3c-0a4b5f6d7e80\",\"eventType\":\"transaction.created\",\"data\":{\"id"
		"\":\"tx\"}}",
	.id = "3f9d2d2e-9d0c-4c0f-8f3c-0a4b5f6d7e80",
	.signed_time = false,
	.key = 0,
    },
    {
	.name = "fireblocks v1",
	.scheme = SCHEME_FIREBLOCKS,
	.keys = "-----BEGIN PUBLIC KEY-----\nMIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAn39+sE0yPTLMhM1xJ4j"
		"8\nQs6hrXe1AWartGczcLZcrX7N7qf6HRQyxzbAXiyJSvPPfAzxw0GrfpRUEIVZKCP2\nQNERf7Z7EwUBjAGZR3lP4OF"
		"AxwFRFCB0j1FaZBTXonMlHdWToScJ5afM05Ul+Tvr\nCLejbbo8FDfYT4OwF32dJCj+CwnIQ+6i+oKdk5na91KuzhdG"
		"fc70L2fmggxSljfy\nYVzMdIyapJ1ej3JG3CsXCBynSv19EYGN/5UVJkyg5HJ2kOU3xh8o3oiHOLxxSTFC\n8BFY9sPv"
		"8tJKy7CN/B9QYuMqgk55rz0fQqiibXVcv4F9bkaTkrE/lsTjJMUG5EXW\ndq8VQNoI/GNPvj+3DlyF9XxSq1TxykzgZ"
		"aHxNOm+nNKywwdHWZSdpgH+MYz/QFp8\ndUMDTwdUd+rSymecapq4tOHmme8GRTUmzbsufIG1GMhxc+kHWuY4btVjpv"
		"OG22Ia\no/wfdgC3jWR+cwAk5LkwKsBFLg2cBK080GXywP92oTiJYMbshUr2geJAb03CkTHe\nWuv4XQwoFM2NufmqAV"
		"aaMbx8LtgByWgJUdNjNdEpD+2NtQ5b/cr2D7uMnnpW6V6c\nO8vsPk4U0Ui8+1Ld2IMWVg7mZTht9prMvZZgiJ8w9xd"
		"XU+jjbbJa2Xk2InuN/2ab\nyuZVQke8jGPdHjQrwf55FM8CAwEAAQ==\n-----END PUBLIC KEY-----\n-----BEGIN"
		" PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA2PrW2lRQTv9hh+Ot5Dt2\nlohXhfxS"
		"RtUAG5/gZMYC9GGa17a18RFGbbUG2dJs5L/H1eX6fYSnJ+ObarZbGKLd\n4lNG4cN1c1J/zxJ3RGGa60S+f1l7GKSAO"
		"LBQX2MH+hvfi4opjpWdgjM/kRSAUxsc\nudcr8WR2kbTEZLRfXtoVmN2gBgFb28hpfuAjgmHdBK0d9ur0UHwtH93Hfg"
		"HMBpJ9\n+zSNVh8gm2hZpXMIq1sPsOnC+jGIMkyDqjfyjI52CtQ9P6S6vprA35mYluHuwZNf\nu6oPTCz24rtYbpijAp"
		"HGV654C9wtvI8PVdHNvyW90t6NHjYck5HEp7GQ5ng8FR1y\nwQIDAQAB\n-----END PUBLIC KEY-----\n",
	.headers = "Fireblocks-Signature: Ld5xBuDTjhojRDpLIGo7hnLe3dDEi4aNwmr9wKC/CBTQxQWtpzOe5hYWFqO5z7zohuxN"
		   "urLdVJiZVbtv+veh2VV9PQLHokHhFdp5Xx3zLXkFKqTbgQDdDBL5KZGK5awnzrbybrYUS9v48hGQzPav7sIdSCadt2"
		   "+qCmIL8I6dElWFsSgWY4WEhCKglR/o98UOaNCgk03WIwBVpS5i+Ba43vzXCgeR4sFYDD7zbXoEWeJ+s44yJRTuEWmx"
		   "+GxjeMvEWsFzx9Te4iDAUjcqemE5yXsm1vQM2RTqs9SacTJpmJZSYrZ8y/PFLJDYsQgSGY2VIY0W2oZhVOJcxJRvXN"
		   "wMxg==\n",
	.body =
	    "{\"type\":\"TRANSACTION_STATUS_UPDATED\",\"tenantId\":\"t\",\"timestamp\":1730482675000,\"data\":{\"id\""
	    ":\"tx\"}}",
	.id = "dd888ac19a011ad3936f74aff639123f9216a79db451a8b480f57033625c76da",
	.signed_time = false,
	.key = 1,
    },
    {
	.name = "fireblocks, both headers and the fixed key",
	.scheme = SCHEME_FIREBLOCKS,
	.keys = "-----BEGIN PUBLIC KEY-----\nMIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAn39+sE0yPTLMhM1xJ4j"
		"8\nQs6hrXe1AWartGczcLZcrX7N7qf6HRQyxzbAXiyJSvPPfAzxw0GrfpRUEIVZKCP2\nQNERf7Z7EwUBjAGZR3lP4OF"
		"AxwFRFCB0j1FaZBTXonMlHdWToScJ5afM05Ul+Tvr\nCLejbbo8FDfYT4OwF32dJCj+CwnIQ+6i+oKdk5na91KuzhdG"
		"fc70L2fmggxSljfy\nYVzMdIyapJ1ej3JG3CsXCBynSv19EYGN/5UVJkyg5HJ2kOU3xh8o3oiHOLxxSTFC\n8BFY9sPv"
		"8tJKy7CN/B9QYuMqgk55rz0fQqiibXVcv4F9bkaTkrE/lsTjJMUG5EXW\ndq8VQNoI/GNPvj+3DlyF9XxSq1TxykzgZ"
		"aHxNOm+nNKywwdHWZSdpgH+MYz/QFp8\ndUMDTwdUd+rSymecapq4tOHmme8GRTUmzbsufIG1GMhxc+kHWuY4btVjpv"
		"OG22Ia\no/wfdgC3jWR+cwAk5LkwKsBFLg2cBK080GXywP92oTiJYMbshUr2geJAb03CkTHe\nWuv4XQwoFM2NufmqAV"
		"aaMbx8LtgByWgJUdNjNdEpD+2NtQ5b/cr2D7uMnnpW6V6c\nO8vsPk4U0Ui8+1Ld2IMWVg7mZTht9prMvZZgiJ8w9xd"
		"XU+jjbbJa2Xk2InuN/2ab\nyuZVQke8jGPdHjQrwf55FM8CAwEAAQ==\n-----END PUBLIC KEY-----\n",
	.headers = "Fireblocks-Webhook-Signature: eyJhbGciOiJSUzUxMiIsImtpZCI6IndlYmhvb2stMSJ9..UZcoeV-YYSAstt"
		   "PGuP-mUKFTxgHTgVv4eYVBE-k49jaJ0v6K6ilfM3S1nwjkn6MO0bilYmw262ga4723pe_CMWA7yFCHFIlp5DZ6cma0"
		   "NfzjqMfsOD89QhMA0x1LyRKLB79V0XDF77Hj0bLmm99swfSS7csSf8XjWoT9ktGPh9gwetpkcm5eo-LHTsEwTN9MAk"
		   "lxQBPOJTwEQppOwAuMTMlmpk0y64RHbRl1fez0y6UoT_qgs0ldC6WGqJqSDljHH_lSDAqUAR5ez_HHCoIkYlXxO-7J"
		   "X46pLYBk1rsdPfw59nX3AYPBLyrFFeg4DrSliK7BhgyQDPD6qkiTy_R5Ig\nFireblocks-Signature: A4XZP6hK+"
		   "0HbLVewAm9DE+DYCSMeM/iB0lSw6j0JnePtdSmzFBiOyVkG4dIfpkUI2piNI6kZXlAuqrTDotLqpmyOxQcjDf8iAYK"
		   "7gOm42hR8S0DyDjeMweSnp7JszF4QjJEeZEc8MKyW6qNKAiL2qF/3JXoq0UXnd4NbudoZQPDRmwaM2c7F65weD6e9W"
		   "TkRu7RHeuefLIVPcg4LbaGBsyxhZcvioRv9iJiruCcorY4utDjUM7E/WBYdSy8sCKv1jBkf5vmKkNIkUe+Uzq+0Vwo"
		   "5h9eY1EINQbTGllhaRzLciDfpDRX8LePajgod/Lls6RdEMUmPeG1eLFiZuOxdOL6+29/2X5ToOZrjyEMniSGnSQ2oV"
		   "Uj75mXImJfREy6WERH1T3mpKwv7iF/Gv/orlmmM5A6/C9kDA1Xp8hmr5V4YwUy7SZmyEumPfcSu9ZuYPsOJVISeDH4"
		   "D6ISz9xi2xiE10D63w5AK/7fcZQinM6f2YcE3cGsdL5Z6IcwIiAjmRJ4tZMQLXUrDsN+43Cf4PyYkNmbIaiQ8LMm8z"
		   "O6Ji3pEuyA0xpylYVyTm0sEBgysKaCESPhOLfb7VTpsy4DO4kzizdj7DLMGWYVLjeb1d+odYJWO2muJ8s4RaC1t7np"
		   "nGF+H4vVLqIqosh/Ku+VxQwTKIozAss24qGdD+JMTJBo=\n",
	.body = "{\"id\":\"3f9d2d2e-9d0c-4c0f-8f3c-0a4b5f6d7e80\",\"eventType\":\"transaction.created\",\"data\":{\"id"
		"\":\"tx\"}}",
	.id = "3f9d2d2e-9d0c-4c0f-8f3c-0a4b5f6d7e80",
	.signed_time = false,
	.key = 0,
    },
    {
	.name = "bitgo",
	.scheme = SCHEME_BITGO,
	.keys = "an older secret\nwebhook secret 1\n",
	.headers = "x-signature-sha256: 92546454d2d2e266b4bd014d179ff506d324ed12c7c072172aaa5bb6e625cda5\n",
	.body =
	    "{\"type\":\"transfer\",\"wallet\":\"59cd72485007a239fb00282ed480da1f\",\"hash\":\"ab\",\"state\":\"confir"
	    "med\"}",
	.id = "e31f7d657bba41bbd616bc34cad389cdde7e72e9535a063e141b96abb57f2e07",
	.signed_time = false,
	.key = 1,
    },
    {
	.name = "dfns",
	.scheme = SCHEME_DFNS,
	.keys = "dfns-secret",
	.headers = "X-DFNS-WEBHOOK-SIGNATURE: sha256=fd47a200aae8f7a493089b956ce04b64927d40dba87b07465021d81f0"
		   "6180784\n",
	.body =
	    "{\"kind\":\"wallet.transfer.confirmed\",\"data\":{\"id\":\"xfr-1\"},\"id\":\"whe-1\",\"timestampSent\":173"
	    "0482675,\"deliveryAttempt\":1}",
	.id = "whe-1",
	.signed_time = true,
	.key = 0,
    },
    {
	.name = "dfns, tried again",
	.scheme = SCHEME_DFNS,
	.keys = "dfns-secret",
	.headers = "X-DFNS-WEBHOOK-SIGNATURE: sha256=96857e5493c49a8b42598fb60f45c2ccea7f5a2212fc914c20c8030c5"
		   "78928dc\n",
	.body =
	    "{\"kind\":\"wallet.transfer.confirmed\",\"data\":{\"id\":\"xfr-1\"},\"id\":\"whe-2\",\"timestampSent\":173"
	    "0482675,\"deliveryAttempt\":2,\"retryOf\":\"whe-1\"}",
	.id = "whe-1",
	.signed_time = true,
	.key = 0,
    },
    {
	.name = "fordefi, PEM",
	.scheme = SCHEME_FORDEFI,
	.keys = "# the platform's key\n-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEuqLZk7"
		"C/6N7Qif7Ew6f9qQ8PBW/b\nh9KA2q36WOlY5T68mZ91GlZDK3RjBHsRHoOW/aIi4be+LQx4a5VJ5/J/Sg==\n-----E"
		"ND PUBLIC KEY-----\n\n-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEunwhq4R"
		"/Goj8S+QDITO9iqTCIexP\nnBQpHRRjMG4/gTINCP7JNaE+HLuy3n339CrsBQ1+w4L7Wk1JDgxFofI7Sg==\n-----EN"
		"D PUBLIC KEY-----\n",
	.headers = "X-Signature: MEQCIFsc6jDB9naP9vxmpT2UonAkT5ylhXVRHp+U1p996bNvAiBERj7ll08G+tGzsqBYmw7wpUdCI"
		   "v0Z29s9RWDt4pzYKQ==\n",
	.body =
	    "{\"webhook_id\":\"w\",\"event_id\":\"15e0062c-be33\",\"attempt\":1,\"sent_at\":\"2024-11-01T00:00:00Z\","
	    "\"event\":{\"id\":\"t\"}}",
	.id = "15e0062c-be33",
	.signed_time = false,
	.key = 1,
    },
    {
	.name = "fordefi, JWK",
	.scheme = SCHEME_FORDEFI,
	.keys = "{\"kty\":\"EC\",\"x\":\"unwhq4R_Goj8S-QDITO9iqTCIexPnBQpHRRjMG4_gTI\",\"y\":\"DQj-yTWhPhy7st599_Qq7AU"
		"NfsOC-1pNSQ4MRaHyO0o\",\"crv\":\"P-256\"}",
	.headers = "X-Signature: MEUCIQCrAHtIQIeQA1j7WLi3EwGmBteLmvuQN/ile/fomvCDPAIgJLtFxd1ts7S0jvo2Zhdz47K++"
		   "cWT3YbpItDcPd0W7LA=\n",
	.body =
	    "{\"webhook_id\":\"w\",\"event_id\":\"15e0062c-be33\",\"attempt\":1,\"sent_at\":\"2024-11-01T00:00:00Z\","
	    "\"event\":{\"id\":\"t\"}}",
	.id = "15e0062c-be33",
	.signed_time = false,
	.key = 0,
    },
    {
	.name = "copper, HMAC",
	.scheme = SCHEME_COPPER,
	.keys = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEU2QzGZKOkAPkWaS4S6pIy0PSpxj"
		"2\n0GwrzH7p0yVzWxu94vZMkcfqt2TkhsqriAzCyXz/fskAg7bSvJLk4Sy3Yw==\n-----END PUBLIC KEY-----\nap"
		"i secret",
	.headers = "X-Signature: 984a26c29090e95db476e5a4373ad357d4079d2e18219d5b56812b4ca3711af8\nX-Timestamp:"
		   " 1730482675123\n",
	.body =
	    "{\"eventId\": \"b17c862a961fbba3\", \"event\": \"deposit-created\", \"payload\": {\"baseCurrency\": \"B"
	    "TC\"}}",
	.id = "b17c862a961fbba3",
	.signed_time = true,
	.key = 1,
    },
    {
	.name = "copper, ECDSA",
	.scheme = SCHEME_COPPER,
	.keys = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEU2QzGZKOkAPkWaS4S6pIy0PSpxj"
		"2\n0GwrzH7p0yVzWxu94vZMkcfqt2TkhsqriAzCyXz/fskAg7bSvJLk4Sy3Yw==\n-----END PUBLIC KEY-----\nap"
		"i secret",
	.headers = "X-Signature: 304502206609479322d410855c84b3d1575dd190805408984a70280b3e2dcff2944607c702210"
		   "0e0d71fbdd4a8ff2d507af986cd08a82e3bfb5311d3c08b3c01124477856dd5c8\nX-Timestamp: 17304826751"
		   "23\n",
	.body =
	    "{\"eventId\": \"b17c862a961fbba3\", \"event\": \"deposit-created\", \"payload\": {\"baseCurrency\": \"B"
	    "TC\"}}",
	.id = "b17c862a961fbba3",
	.signed_time = true,
	.key = 0,
    },
    {
	.name = "cobo",
	.scheme = SCHEME_COBO,
	.keys = "0ca83203fc31b4ff7c2ab0391523438cc975140005cf0a461de2c24a22e7ec8c",
	.headers = "Biz-Timestamp: 1730482675999\nBiz-Resp-Signature: bfec5e8229f93c069c06fe963a14545e05f532909"
		   "5e7b31d04f3cd2795711100cc7b0ab407934a03d83443075eaa3c6b0144b038d4e6140d69651dfe01ed8d0a\n",
	.body = "{\"event_id\":\"fa1e5a4c\",\"url\":\"https://gateway.example\",\"type\":\"wallets.transaction.updated"
		"\",\"data\":{}}",
	.id = "fa1e5a4c",
	.signed_time = true,
	.key = 0,
    },
    {
	.name = "cobo, both spellings",
	.scheme = SCHEME_COBO,
	.keys = "{\"crv\":\"Ed25519\",\"x\":\"DKgyA_wxtP98KrA5FSNDjMl1FAAFzwpGHeLCSiLn7Iw\",\"kty\":\"OKP\"}",
	.headers = "BIZ_TIMESTAMP: 1730482675999\nBiz-Timestamp: 1730482675999\nBIZ_RESP_SIGNATURE: bfec5e8229f9"
		   "3c069c06fe963a14545e05f5329095e7b31d04f3cd2795711100cc7b0ab407934a03d83443075eaa3c6b0144b0"
		   "38d4e6140d69651dfe01ed8d0a\nBiz-Resp-Signature: bfec5e8229f93c069c06fe963a14545e05f5329095e"
		   "7b31d04f3cd2795711100cc7b0ab407934a03d83443075eaa3c6b0144b038d4e6140d69651dfe01ed8d0a\n",
	.body = "{\"event_id\":\"fa1e5a4c\",\"url\":\"https://gateway.example\",\"type\":\"wallets.transaction.updated"
		"\",\"data\":{}}",
	.id = "fa1e5a4c",
	.signed_time = true,
	.key = 0,
    },
    {
	.name = "cobo, a callback without an id",
	.scheme = SCHEME_COBO,
	.keys = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEADKgyA/wxtP98KrA5FSNDjMl1FAAFzwpGHeLCSiLn7Iw=\n--"
		"---END PUBLIC KEY-----\n",
	.headers = "BIZ_TIMESTAMP: 1730482675999\nBIZ_RESP_SIGNATURE: 7147fc84f10a52a5ebce64254580c1394222d38ab"
		   "346ece048c8318ae56854474a561d861e4f4b2fd45c5142678396169a2e6b3475a47d761bf4ebcf1c90ef0e\n",
	.body = "{\"transaction_id\":\"1\"}",
	.id = "17d5d9c7a0cd0d18f51cbccf79981c345a2d115169098e0a17d65e22e25bed3e",
	.signed_time = true,
	.key = 0,
    },
    {
	.name = "ripple",
	.scheme = SCHEME_RIPPLE,
	.keys = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZqDCBe/57r6BB7C5ivHpNWbBnkEa6IP6qi13x7jjYmEZr4Hnz+4ItI"
		"nrwZTt7+w7EYLYAVHdXil+aI7MVYdwqg==\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQT8XV3lJ1O7kZHVC/Io"
		"7fGhUf7FKeNQhdqsFYmOTjMcZyVTM5IEStKoA8AbuZxGFO2diHC0nA7PLCJUBSgC1DQ==\n",
	.headers = "Signature: MEYCIQDvsMyWnGlowq6DFeMtSx2mUwdzd51nk1MiyleMWozDaQIhAITDdj8YVHrDBLP4yHmCYhn83jc"
		   "kJESBiKP87WQdkYAY\n",
	.body = "{\"domain\":\"TRANSACTION\",\"timestamp\":\"2024-11-01T17:37:55Z\",\"payload\":\"eyJpZCI6InR4XzEiLCJz"
		"dGF0dXMiOiJDT05GSVJNRUQiLCJ1cGRhdGVkQXQiOiIyMDI0LTExLTAxVDE3OjM3OjU1WiJ9\"}",
	.id = "3d2690f04a1f6638a832d24b5963e13a7572d32218b2115e8fd7378a558dae06",
	.signed_time = false,
	.key = 1,
    },
    {
	.name = "circle, as the API has the key",
	.scheme = SCHEME_CIRCLE,
	.keys = "11111111-5ca4-4ff7-a6b7-54652083fcf8 MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEoF9JbF5RxBBZL3mNN"
		"/TZ6zsgu5HxGNPRYALJsxC0r8gQbOlHGx3mKKzknvWRusqUsb5HOFiSbN3R5g3C313ZXA==\n879dc113-5ca4-4ff7"
		"-a6b7-54652083fcf8 MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEy283lUDieGIDcsgDwxE8s0Jef9VMiBnTDWO"
		"Zr0QL6ncPoZPM1o0+FYq3WjdI16Wumqv996/D1tTEzLg5AmDuuA==\n",
	.headers = "X-Circle-Key-Id: 879dc113-5ca4-4ff7-a6b7-54652083fcf8\nX-Circle-Signature: MEUCIA2jFbUrM33c"
		   "6Dg/yvHT1++vqWJVCyu62yg0DOM7+IZUAiEA0itnjEY08XqkQH8pcdIE6QWPAJZl8rGNMQpUWvt1gP4=\n",
	.body =
	    "{\"subscriptionId\":\"s\",\"notificationId\":\"n-1\",\"notificationType\":\"transactions.inbound\",\"no"
	    "tification\":{}}",
	.id = "n-1",
	.signed_time = false,
	.key = 1,
    },
    {
	.name = "circle, PEM",
	.scheme = SCHEME_CIRCLE,
	.keys = "879dc113-5ca4-4ff7-a6b7-54652083fcf8 -----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj"
		"0DAQcDQgAEy283lUDieGIDcsgDwxE8s0Jef9VM\niBnTDWOZr0QL6ncPoZPM1o0+FYq3WjdI16Wumqv996/D1tTEzLg"
		"5AmDuuA==\n-----END PUBLIC KEY-----\n",
	.headers = "X-Circle-Key-Id: 879dc113-5ca4-4ff7-a6b7-54652083fcf8\nX-Circle-Signature: MEUCIA2jFbUrM33c"
		   "6Dg/yvHT1++vqWJVCyu62yg0DOM7+IZUAiEA0itnjEY08XqkQH8pcdIE6QWPAJZl8rGNMQpUWvt1gP4=\n",
	.body =
	    "{\"subscriptionId\":\"s\",\"notificationId\":\"n-1\",\"notificationType\":\"transactions.inbound\",\"no"
	    "tification\":{}}",
	.id = "n-1",
	.signed_time = false,
	.key = 0,
    },
    {
	.name = "circle, JWK",
	.scheme = SCHEME_CIRCLE,
	.keys = "{\"kty\":\"EC\",\"x\":\"y283lUDieGIDcsgDwxE8s0Jef9VMiBnTDWOZr0QL6nc\",\"y\":\"D6GTzNaNPhWKt1o3SNelrpq"
		"r_fevw9bUxMy4OQJg7rg\",\"crv\":\"P-256\",\"kid\":\"879dc113-5ca4-4ff7-a6b7-54652083fcf8\"}",
	.headers = "X-Circle-Key-Id: 879dc113-5ca4-4ff7-a6b7-54652083fcf8\nX-Circle-Signature: MEUCIA2jFbUrM33c"
		   "6Dg/yvHT1++vqWJVCyu62yg0DOM7+IZUAiEA0itnjEY08XqkQH8pcdIE6QWPAJZl8rGNMQpUWvt1gP4=\n",
	.body =
	    "{\"subscriptionId\":\"s\",\"notificationId\":\"n-1\",\"notificationType\":\"transactions.inbound\",\"no"
	    "tification\":{}}",
	.id = "n-1",
	.signed_time = false,
	.key = 0,
    },
    {
	.name = "coinbase, v0",
	.scheme = SCHEME_COINBASE,
	.keys = "coinbase-secret",
	.headers = "X-Hook0-Signature: t=1730482675,v0=e339c0b926e58580e1bd13757ce3c4f3d7d1d7c8be5d0763eb5aeb6"
		   "bebf128ca\n",
	.body = "{\"id\":\"evt\",\"type\":\"onchain.activity.detected\",\"amount\":\"1.5\"}",
	.id = "cd9a4dde8e214eb035065040276281429d0c40414972b3fe237dcfae34d51499",
	.signed_time = true,
	.key = 0,
    },
    {
	.name = "coinbase, v1",
	.scheme = SCHEME_COINBASE,
	.keys = "old\ncoinbase-secret",
	.headers = "Content-Type: application/json\nX-Event-Id: evt-1\nX-Hook0-Signature: t=1730482675,h=content"
		   "-type x-event-id,v1=018c483424f4727495f598402c290dcaa71d1d57066489a140e8ee91b4c10b58\n",
	.body = "{\"id\":\"evt\",\"type\":\"onchain.activity.detected\",\"amount\":\"1.5\"}",
	.id = "cd9a4dde8e214eb035065040276281429d0c40414972b3fe237dcfae34d51499",
	.signed_time = true,
	.key = 1,
    },
    {
	.name = "coinbase, v0 and v1",
	.scheme = SCHEME_COINBASE,
	.keys = "coinbase-secret",
	.headers = "Content-Type: application/json\nX-Event-Id: evt-1\nX-Hook0-Signature: t=1730482675,v0=e339c0"
		   "b926e58580e1bd13757ce3c4f3d7d1d7c8be5d0763eb5aeb6bebf128ca,h=content-type x-event-id,v1=01"
		   "8c483424f4727495f598402c290dcaa71d1d57066489a140e8ee91b4c10b58\n",
	.body = "{\"id\":\"evt\",\"type\":\"onchain.activity.detected\",\"amount\":\"1.5\"}",
	.id = "cd9a4dde8e214eb035065040276281429d0c40414972b3fe237dcfae34d51499",
	.signed_time = true,
	.key = 0,
    },
    {
	.name = "hmac, the body alone",
	.scheme = SCHEME_HMAC,
	.keys = "#hmac header=X-Sig\nsecret",
	.headers = "X-Sig: 61c856b6d17597301e045f2d6ce2b1546e9544b5ee5a4ca290baa869a4186efd\n",
	.body = "{\"event\":{\"id\":\"e-1\"},\"n\":7}",
	.id = "09011268dd7bbf1b5d8f85953380db217850baf5b9c5fdb386589d3243e25b57",
	.signed_time = false,
	.key = 0,
    },
    {
	.name = "hmac, time, id in the body, base64, sha512",
	.scheme = SCHEME_HMAC,
	.keys = "# rotated in May\n#hmac header=X-Sig encoding=base64 algorithm=sha512 prefix=v1%3D signed={"
		"timestamp}.{body} timestamp=X-Time id=body:event.id\nold\nsecret\n",
	.headers = "X-Sig: v1=vef7u8QHM0NKyBQOcHMbFEDWMLdBtx2tJiyi07feAVNbxPxn9NlC5CNpOxWlbcvKOGkm5ZNkTGb63mo4"
		   "rpkHyA==\nX-Time: 1730482675\n",
	.body = "{\"event\":{\"id\":\"e-1\"},\"n\":7}",
	.id = "e-1",
	.signed_time = true,
	.key = 1,
    },
    {
	.name = "hmac, a signed id header",
	.scheme = SCHEME_HMAC,
	.keys = "#hmac header=X-Sig signed={id}%20{timestamp}%20{body} timestamp=X-Time id=header:X-Id secr"
		"et=base64\nc2VjcmV0",
	.headers = "X-Sig: 0b61cad99dea08e15016352f2e27b0df11b1a94c946599812e0d01526ada63ec\nX-Time: 1730482675"
		   "\nX-Id: evt_7\n",
	.body = "not JSON",
	.id = "evt_7",
	.signed_time = true,
	.key = 0,
    },
};

#endif
