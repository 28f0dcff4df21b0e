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
	    "{\n  \"keys\": [\n    {\n      \"kty\": \"RSA\",\n      \"n\": \"uOqQzZZWY__cub-w4RMXQRK6iLJ4TZoeAw4EQ3"
	    "HE-Xgak5Cmcy-JiuVbE8Q5yfz9bdnWQNmCN5tp7FYWek7S710xm5CWGrfrZfpOY2DsbdwHdHDn95C_7UHYnXi0-W9B"
	    "-NzX3aEcox_prt_cmqN8IxAQq8Wis4084SSBHMk35IKR4FhIRIzTh1RE4LOaNQNqGAARFX5o9uo1u3pMt1MRuST-3I"
	    "YpiUQ5Wu5R-kPT2m3BDri-9YN7Mbgzgi_-QvC2KDRZxobi0lz9wyh7r3SFoOCY0X_v1pxjgRUpuWDGyJXvzeuxpIHg"
	    "41nXPP9H-uLGt2eQoW5SI3molhC6tUkod32rSHju9Acw2UPNHOi3UxqIzisRBfzg5AyYS5dsJ4ecFQ0-wU9rR9KQ62"
	    "wvJOdeHKu54I6_E2QRmzlP7MYmbJwplXufwoZEsyhld_YrAuBTNy-4r0IyMzFY6FXkNVsHQjQujJAWjTl9XMHDkWh1"
	    "NeON_me2Tb-oXuyXewYcfWRljHc7o3kGQpXOhm3WITrTjwXv2KphLXDzNWJh1HdOvt65dXUr-6D9JiLqZ514-0UOBl"
	    "DIIZf85KR3tE3MWz7w87mCGQx9vyJWVUsc1qkMrxpPZ9YdAlNCOreWURRMTo0FLUmqN1Pfo5iuvcTugNSRNsrEFPhs"
	    "wPxv697yV4JbynE\",\n      \"e\": \"AQAB\",\n      \"kid\": \"webhook-2\",\n      \"use\": \"sig\",\n      "
	    "\""
	    "alg\": \"RS512\"\n    },\n    {\n      \"kty\": \"OKP\",\n      \"crv\": \"X25519\",\n      \"x\": "
	    "\"AA\",\n   "
	    "   \"kid\": \"for something else\"\n    },\n    {\n      \"kty\": \"RSA\",\n      \"n\": \"tX6dVecrEJS3sL"
	    "t8F1sOkYdSrFhsqheLdIWaVPnBXaceF2e-Kgx_3oSMwVHnFyJqKSog1lBnQrl-2OaUzGBFrreaGjNsmr60yIf1kOFx"
	    "o3x3p4DZyngGYj_IGMt_IALTPY08-G2J4nsNoKUbeYWt24NHSTrLl0_5igyqrywpzWMpCovEUPfZBfu36CHvapC7yT"
	    "eHHsFhJ-xkvduiv7PB-cvMluCPUhpuL4ECl7hHv5V2iequmNiYh0n4vDrelZazikbSCmYUYdg4wiXqNl1PIDiByz0p"
	    "jxZeUl3ywzYcquZp2PJqePRunnhFIwmPlxj5cjSLLYFwgjOzKthPhWzoNw\",\n      \"e\": \"AQAB\",\n      \"kid"
	    "\": \"webhook-1\",\n      \"use\": \"sig\",\n      \"alg\": \"RS512\"\n    }\n  ]\n}",
	.headers = "Fireblocks-Webhook-Signature: eyJhbGciOiJSUzUxMiIsImtpZCI6IndlYmhvb2stMSJ9..feOXByrbcw-1UI"
		   "du3sbO2F5av_uGYYpFES5y0fmZ8WpPX-M4TtDFFngWSUTqEt_9wSXumftu5MFvSmfbGU3TAp9S1d_p9mgmjqtRm1fJ"
		   "R5cmka-INi9KFfKoo0jRq44j9WjsCCnU6uy21H_y7go9ZCeVZjUdu9hbxLqpta3qP-ma0Ka2SMFYqCCjur9yxLwoe0"
		   "CIaM0EoMmbC6ZkCln_sl-BZAYYR1RvXKM23LFyM_0mzAjBu1305roUFsFfLrbkU343UwNhZfTgzRhZJpnH5oflIN7d"
		   "6xtzLK9Zd35wQhvcRSNvRyC3EaoJfeDzqlF-yxob5dBfjQdBl0kIPVJrsw\n",
	.body = "{\"id\":\"3f9d2d2e-9d0c-4c0f-8f3c-0a4b5f6d7e80\",\"eventType\":\"transaction.created\",\"data\":{\"id"
		"\":\"tx\"}}",
	.id = "3f9d2d2e-9d0c-4c0f-8f3c-0a4b5f6d7e80",
	.signed_time = false,
	.key = 1,
    },
    {
	.name = "fireblocks v2, a key a line",
	.scheme = SCHEME_FIREBLOCKS,
	.keys = "{\"kty\":\"RSA\",\"n\":\"tX6dVecrEJS3sLt8F1sOkYdSrFhsqheLdIWaVPnBXaceF2e-Kgx_3oSMwVHnFyJqKSog1lBn"
		"Qrl-2OaUzGBFrreaGjNsmr60yIf1kOFxo3x3p4DZyngGYj_IGMt_IALTPY08-G2J4nsNoKUbeYWt24NHSTrLl0_5ig"
		"yqrywpzWMpCovEUPfZBfu36CHvapC7yTeHHsFhJ-xkvduiv7PB-cvMluCPUhpuL4ECl7hHv5V2iequmNiYh0n4vDre"
		"lZazikbSCmYUYdg4wiXqNl1PIDiByz0pjxZeUl3ywzYcquZp2PJqePRunnhFIwmPlxj5cjSLLYFwgjOzKthPhWzoNw"
		"\",\"e\":\"AQAB\",\"kid\":\"webhook-1\"}",
	.headers = "Fireblocks-Webhook-Signature: eyJhbGciOiJSUzUxMiIsImtpZCI6IndlYmhvb2stMSIsInR5cCI6IkpPU0Ui"
		   "fQ..FiHDlSMKQd0ryv3g5q4j8U-S-ppLAe2W79ZfBoy8t_cpegvHdWIZn4Wbm6e83aTF5XsHjioeCAJxyINGczmnJp"
		   "FlzVzfySJRdJErAqXgau7N7EGbrKAciKqt35oRwSBacVtGOD6z-riNXZpOoG8KbVwcNm84VLlbDOfNiiEdLpVNxaXb"
		   "UasGbb_5Bb3NOzhtXYZKe7ay0vOWhaknTFYsVRrl18qgrx-FzI07LowI1jRjMUPqRPyfLAk6JewpESSjm0BfpcoEa6"
		   "1QJmzo9SSL6ZoRqwq0JvknS-4Ov-_6HZWziIlhk5kdv3msz11IJ4m-ipN8SIMHK0wk9oz2bZB6-g\n",
	.body = "{\"id\":\"3f9d2d2e-9d0c-4c0f-8f3c-0a4b5f6d7e80\",\"eventType\":\"transaction.created\",\"data\":{\"id"
		"\":\"tx\"}}",
	.id = "3f9d2d2e-9d0c-4c0f-8f3c-0a4b5f6d7e80",
	.signed_time = false,
	.key = 0,
    },
    {
	.name = "fireblocks v1",
	.scheme = SCHEME_FIREBLOCKS,
	.keys = "-----BEGIN PUBLIC KEY-----\nMIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAuOqQzZZWY//cub+w4RM"
		"X\nQRK6iLJ4TZoeAw4EQ3HE+Xgak5Cmcy+JiuVbE8Q5yfz9bdnWQNmCN5tp7FYWek7S\n710xm5CWGrfrZfpOY2Dsbdw"
		"HdHDn95C/7UHYnXi0+W9B+NzX3aEcox/prt/cmqN8\nIxAQq8Wis4084SSBHMk35IKR4FhIRIzTh1RE4LOaNQNqGAAR"
		"FX5o9uo1u3pMt1MR\nuST+3IYpiUQ5Wu5R+kPT2m3BDri+9YN7Mbgzgi/+QvC2KDRZxobi0lz9wyh7r3SF\noOCY0X/v"
		"1pxjgRUpuWDGyJXvzeuxpIHg41nXPP9H+uLGt2eQoW5SI3molhC6tUko\nd32rSHju9Acw2UPNHOi3UxqIzisRBfzg5"
		"AyYS5dsJ4ecFQ0+wU9rR9KQ62wvJOde\nHKu54I6/E2QRmzlP7MYmbJwplXufwoZEsyhld/YrAuBTNy+4r0IyMzFY6F"
		"XkNVsH\nQjQujJAWjTl9XMHDkWh1NeON/me2Tb+oXuyXewYcfWRljHc7o3kGQpXOhm3WITrT\njwXv2KphLXDzNWJh1H"
		"dOvt65dXUr+6D9JiLqZ514+0UOBlDIIZf85KR3tE3MWz7w\n87mCGQx9vyJWVUsc1qkMrxpPZ9YdAlNCOreWURRMTo0"
		"FLUmqN1Pfo5iuvcTugNSR\nNsrEFPhswPxv697yV4JbynECAwEAAQ==\n-----END PUBLIC KEY-----\n-----BEGIN"
		" PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtX6dVecrEJS3sLt8F1sO\nkYdSrFhs"
		"qheLdIWaVPnBXaceF2e+Kgx/3oSMwVHnFyJqKSog1lBnQrl+2OaUzGBF\nrreaGjNsmr60yIf1kOFxo3x3p4DZyngGY"
		"j/IGMt/IALTPY08+G2J4nsNoKUbeYWt\n24NHSTrLl0/5igyqrywpzWMpCovEUPfZBfu36CHvapC7yTeHHsFhJ+xkvd"
		"uiv7PB\n+cvMluCPUhpuL4ECl7hHv5V2iequmNiYh0n4vDrelZazikbSCmYUYdg4wiXqNl1P\nIDiByz0pjxZeUl3ywz"
		"YcquZp2PJqePRunnhFIwmPlxj5cjSLLYFwgjOzKthPhWzo\nNwIDAQAB\n-----END PUBLIC KEY-----\n",
	.headers = "Fireblocks-Signature: JpkYAWr9aaUDsP8ccYvB6qKf5jqSSOO4n3Z5hD3LOb3akCZh6M+nzJDrt4VeemzAa3aX"
		   "Sp4jZMuQaDVV6pzBv0Zgi9vT4EjP9yaERjyFSs/kiXLVSDd3qgR4Ag7a1wu2PjRxV1zskzkySnI3fqXNtZD3AAmI0+"
		   "SiJGqQJpRGLGtbjiONdtxAUh69fmY+fcRyJWXSuwHzzMH7x7rgWoh+CCqtkBGaQSad/QCZmVmRsgSBM83oGUWnd50d"
		   "mb5zPERZivhxjpAuTkpxdDHzB2C7Il4FK0j4lzevPj4mpflTYnjIthpxIjXlytHqff3FFarIhL8ZHJUMuWNSles3kv"
		   "BO6g==\n",
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
	.keys = "-----BEGIN PUBLIC KEY-----\nMIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAuOqQzZZWY//cub+w4RM"
		"X\nQRK6iLJ4TZoeAw4EQ3HE+Xgak5Cmcy+JiuVbE8Q5yfz9bdnWQNmCN5tp7FYWek7S\n710xm5CWGrfrZfpOY2Dsbdw"
		"HdHDn95C/7UHYnXi0+W9B+NzX3aEcox/prt/cmqN8\nIxAQq8Wis4084SSBHMk35IKR4FhIRIzTh1RE4LOaNQNqGAAR"
		"FX5o9uo1u3pMt1MR\nuST+3IYpiUQ5Wu5R+kPT2m3BDri+9YN7Mbgzgi/+QvC2KDRZxobi0lz9wyh7r3SF\noOCY0X/v"
		"1pxjgRUpuWDGyJXvzeuxpIHg41nXPP9H+uLGt2eQoW5SI3molhC6tUko\nd32rSHju9Acw2UPNHOi3UxqIzisRBfzg5"
		"AyYS5dsJ4ecFQ0+wU9rR9KQ62wvJOde\nHKu54I6/E2QRmzlP7MYmbJwplXufwoZEsyhld/YrAuBTNy+4r0IyMzFY6F"
		"XkNVsH\nQjQujJAWjTl9XMHDkWh1NeON/me2Tb+oXuyXewYcfWRljHc7o3kGQpXOhm3WITrT\njwXv2KphLXDzNWJh1H"
		"dOvt65dXUr+6D9JiLqZ514+0UOBlDIIZf85KR3tE3MWz7w\n87mCGQx9vyJWVUsc1qkMrxpPZ9YdAlNCOreWURRMTo0"
		"FLUmqN1Pfo5iuvcTugNSR\nNsrEFPhswPxv697yV4JbynECAwEAAQ==\n-----END PUBLIC KEY-----\n",
	.headers = "Fireblocks-Webhook-Signature: eyJhbGciOiJSUzUxMiIsImtpZCI6IndlYmhvb2stMSJ9..feOXByrbcw-1UI"
		   "du3sbO2F5av_uGYYpFES5y0fmZ8WpPX-M4TtDFFngWSUTqEt_9wSXumftu5MFvSmfbGU3TAp9S1d_p9mgmjqtRm1fJ"
		   "R5cmka-INi9KFfKoo0jRq44j9WjsCCnU6uy21H_y7go9ZCeVZjUdu9hbxLqpta3qP-ma0Ka2SMFYqCCjur9yxLwoe0"
		   "CIaM0EoMmbC6ZkCln_sl-BZAYYR1RvXKM23LFyM_0mzAjBu1305roUFsFfLrbkU343UwNhZfTgzRhZJpnH5oflIN7d"
		   "6xtzLK9Zd35wQhvcRSNvRyC3EaoJfeDzqlF-yxob5dBfjQdBl0kIPVJrsw\nFireblocks-Signature: KNh2+kgC8"
		   "h1mhb2HwG7bf29gs+OaGz9+oCYY9dsj/PRYtjksXxzrQiQxTZFg5tMpr9vOYYwmsmhv0GO4g/h2kcznx3PJHnDcLfe"
		   "FT3AIdsZrvzqazgJEkk/T1sv3mQlW6/sCWQ5kM9bGpEPlKktinO0dO6HrErM/UInadVBsHLT1FFstwByVoM3vJXCB2"
		   "tcZP0vysX65IrqL6rfaQwr9AdopoACmOntT0IrCJcvChYEIiWmfP8hy2NRZQsjf641L4zm1DVSAJo5/TRNSaEQzIAj"
		   "GJ+d+mZ1Mup0HlBFr4atEdW47zEJXRm1ur1b5pIVRJ5cURyL4BfnBygpU3gM9kRiateNTP/904drfODc67RH4r3e65"
		   "lN4EABFlF+u5CSFDIAEvii2eGiTza6CFM2lb7OFfONajCILWf6B9JYC7eYnkLgsuu/H1VTu05Ny0wY/zhsFLfb4pcQ"
		   "e7o8008UuUFkEmnD7KNbziCxGee1Nym6GkOgvVyhMK5OJ2Ap5tB1k8LfUaR+SWtO7H2vstCcKiZ6VugH0rFgKS7POt"
		   "3sM1KwWg32rcxODf3srm9vttxLlnqr7+gzmbHdyesKuRP8bZP9VJv6T9JXMEWjE+RpEDK43TKisPYfroEJyIOwaYvG"
		   "VSjfI9KqDr0qD72VSm3RCRhtWD72+2obfNEJ8bqDjYpE=\n",
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
	.keys = "# the platform's key\n-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDXjfG9"
		"mqhyx/5w8Ez43/dLWBrpjF\nbCcFjLhH9m7dQQhe6TKEH/lNSTw28xXHURQSJ+0l3r7QVb0tKqEQIY4gfQ==\n-----E"
		"ND PUBLIC KEY-----\n\n-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEBxaT51J"
		"A+VQEQOgYr+IrNDNO0Owt\n97gz8toKx9Z9sdstajKWC/PUDn6Kgobxszv85HcKvR1kL950NP+wZhc5Ig==\n-----EN"
		"D PUBLIC KEY-----\n",
	.headers = "X-Signature: MEYCIQDHmjwlZ8uP8vk3yMDcqWndeaaKJ1MUeRfuo6M2FyrRzQIhAIoijWggxEEwo52rXuuz+nsqa"
		   "48f4hpNdcOEfp5nRHEA\n",
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
	.keys = "{\"kty\":\"EC\",\"x\":\"BxaT51JA-VQEQOgYr-IrNDNO0Owt97gz8toKx9Z9sds\",\"y\":\"LWoylgvz1A5-ioKG8bM7_OR"
		"3Cr0dZC_edDT_sGYXOSI\",\"crv\":\"P-256\"}",
	.headers = "X-Signature: MEYCIQCNNJ5mfWSfCaeNqcneHJfcTXAqThoduui9Wr8Pjz5ueAIhALRD66XKaE0Kug8ewrpM9eUls"
		   "JPoNHU9ZCOJ3LHzKl9a\n",
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
	.keys = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsYUIDA5s7y0R2VG7e7RlxAd7Xxn"
		"k\nSY4MDEA+gjslqfv84w56hN5brKELx2F65RCQ1onjMFU4mPqf5Hn2Goo17A==\n-----END PUBLIC KEY-----\nap"
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
	.keys = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsYUIDA5s7y0R2VG7e7RlxAd7Xxn"
		"k\nSY4MDEA+gjslqfv84w56hN5brKELx2F65RCQ1onjMFU4mPqf5Hn2Goo17A==\n-----END PUBLIC KEY-----\nap"
		"i secret",
	.headers = "X-Signature: 3046022100a712ffdda697882cc0cd2df5332225ba8687f316115ab07c9d371de76a0f3c1a022"
		   "100a8251901a12435f051e0af89ba8dd7cdf9652320c4f233d1e1c48b6768a98a93\nX-Timestamp: 173048267"
		   "5123\n",
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
	.keys = "93aed37d2150269cce238309bce68341e25ca9a34877187b17484d20677d7961",
	.headers = "Biz-Timestamp: 1730482675999\nBiz-Resp-Signature: a702357880084d66c07bb0f40735b8edac9e2e3a8"
		   "77308f62bb5fef1fd6e4d12a5de200cdc831431ff291ca24221bd66ad7e200df759255e97b3c2aa6f549105\n",
	.body = "{\"event_id\":\"fa1e5a4c\",\"url\":\"https://gateway.example\",\"type\":\"wallets.transaction.updated"
		"\",\"data\":{}}",
	.id = "fa1e5a4c",
	.signed_time = true,
	.key = 0,
    },
    {
	.name = "cobo, both spellings",
	.scheme = SCHEME_COBO,
	.keys = "{\"crv\":\"Ed25519\",\"x\":\"k67TfSFQJpzOI4MJvOaDQeJcqaNIdxh7F0hNIGd9eWE\",\"kty\":\"OKP\"}",
	.headers = "BIZ_TIMESTAMP: 1730482675999\nBiz-Timestamp: 1730482675999\nBIZ_RESP_SIGNATURE: a70235788008"
		   "4d66c07bb0f40735b8edac9e2e3a877308f62bb5fef1fd6e4d12a5de200cdc831431ff291ca24221bd66ad7e20"
		   "0df759255e97b3c2aa6f549105\nBiz-Resp-Signature: a702357880084d66c07bb0f40735b8edac9e2e3a877"
		   "308f62bb5fef1fd6e4d12a5de200cdc831431ff291ca24221bd66ad7e200df759255e97b3c2aa6f549105\n",
	.body = "{\"event_id\":\"fa1e5a4c\",\"url\":\"https://gateway.example\",\"type\":\"wallets.transaction.updated"
		"\",\"data\":{}}",
	.id = "fa1e5a4c",
	.signed_time = true,
	.key = 0,
    },
    {
	.name = "cobo, a callback without an id",
	.scheme = SCHEME_COBO,
	.keys = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAk67TfSFQJpzOI4MJvOaDQeJcqaNIdxh7F0hNIGd9eWE=\n--"
		"---END PUBLIC KEY-----\n",
	.headers = "BIZ_TIMESTAMP: 1730482675999\nBIZ_RESP_SIGNATURE: d812be68c7a25fc246717fefcdf56e8db0619ceaa"
		   "3b130e43e5627dc3508966c2cd806d685931abbf640c64b5ae062ed8b7a07e8b1c64a27438e9bd98e810a06\n",
	.body = "{\"transaction_id\":\"1\"}",
	.id = "17d5d9c7a0cd0d18f51cbccf79981c345a2d115169098e0a17d65e22e25bed3e",
	.signed_time = true,
	.key = 0,
    },
    {
	.name = "ripple",
	.scheme = SCHEME_RIPPLE,
	.keys = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfvpvUbqsW3tCSP02Xih/6LEZx9IW3kFK2D21Piy/zMxdWTOVDStb5e"
		"OATX4sUcekN041R4JCiRgB5+/sfnuvLQ==\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEkA+37X57iivMdfJeCr4"
		"KZEe77XZYUdlfhC69d7XnsK/lhjo1vx8jbV9GBC4uN4qKjavngVadUfWAuAp7Kggsbw==\n",
	.headers = "Signature: MEUCIQDv0n3mSR+Cegme+Naj4+4uxldChCAQsp5wyvE/8TneGgIgWgbAo9F3gokL0C3oPfstmjlDtuo"
		   "xZRyqFpsvWfGE4H0=\n",
	.body = "{\"domain\":\"TRANSACTION\",\"timestamp\":\"2024-11-01T17:37:55Z\",\"payload\":\"eyJpZCI6InR4XzEiLCJz"
		"dGF0dXMiOiJDT05GSVJNRUQiLCJ1cGRhdGVkQXQiOiIyMDI0LTExLTAxVDE3OjM3OjU1WiJ9\"}",
	.id = "3d2690f04a1f6638a832d24b5963e13a7572d32218b2115e8fd7378a558dae06",
	.signed_time = false,
	.key = 1,
    },
    {
	.name = "circle, as the API has the key",
	.scheme = SCHEME_CIRCLE,
	.keys = "11111111-5ca4-4ff7-a6b7-54652083fcf8 MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExmZ0YiXEjyBQpqhCP"
		"+Iom88afg3vmP9BOkIHWVD8JYqtO0h5MYh5chdOetjUd+eoQeAJ4P1h+Oo2wgJvVTHzSw==\n879dc113-5ca4-4ff7"
		"-a6b7-54652083fcf8 MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELYzM0SsL41DH1CLQ8GhUdlaN4kLBJhW7L2d"
		"kwjzvPZWGDODP5NN4Z0IdozWXSBK7j0e3VD8LTA7rAis7wdHIlg==\n",
	.headers = "X-Circle-Key-Id: 879dc113-5ca4-4ff7-a6b7-54652083fcf8\nX-Circle-Signature: MEUCIQCyn9VZekyE"
		   "XNU2+vYRbF5pAWn+YFr/8OmmGqT2rTmxpQIgeE2o+BRw4x/jgqnUDE9OztSu7jJabz7ObJ78ARvPwcA=\n",
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
		"0DAQcDQgAELYzM0SsL41DH1CLQ8GhUdlaN4kLB\nJhW7L2dkwjzvPZWGDODP5NN4Z0IdozWXSBK7j0e3VD8LTA7rAis"
		"7wdHIlg==\n-----END PUBLIC KEY-----\n",
	.headers = "X-Circle-Key-Id: 879dc113-5ca4-4ff7-a6b7-54652083fcf8\nX-Circle-Signature: MEUCIQCyn9VZekyE"
		   "XNU2+vYRbF5pAWn+YFr/8OmmGqT2rTmxpQIgeE2o+BRw4x/jgqnUDE9OztSu7jJabz7ObJ78ARvPwcA=\n",
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
	.keys = "{\"kty\":\"EC\",\"x\":\"LYzM0SsL41DH1CLQ8GhUdlaN4kLBJhW7L2dkwjzvPZU\",\"y\":\"hgzgz-TTeGdCHaM1l0gSu49"
		"Ht1Q_C0wO6wIrO8HRyJY\",\"crv\":\"P-256\",\"kid\":\"879dc113-5ca4-4ff7-a6b7-54652083fcf8\"}",
	.headers = "X-Circle-Key-Id: 879dc113-5ca4-4ff7-a6b7-54652083fcf8\nX-Circle-Signature: MEUCIQCyn9VZekyE"
		   "XNU2+vYRbF5pAWn+YFr/8OmmGqT2rTmxpQIgeE2o+BRw4x/jgqnUDE9OztSu7jJabz7ObJ78ARvPwcA=\n",
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
