/* The mapping of the custody platform's GraphQL API, for sources of the kind graphql without a file of their own.
 *
 * What is known of it: lists page by limit and nextToken, getRequest(requestId) answers status, type and transactionHash,
 * the statuses, and that a balance may be "NaN", which is unknown and not zero. The other names are those of the payloads
 * that it sends; where yours has others, a mapping file of your own takes this one's place. */
#include "records/mapping.h"

#define FIELDS                                                                                                         \
	"requestId type status direction chain contractAddress amount fee address transactionHash outputIndex"         \
	" clientReference updatedAt"

#define RECORD                                                                                                         \
	"    record:\n"                                                                                                \
	"      id: requestId\n"                                                                                        \
	"      type: type\n"                                                                                           \
	"      client_reference: clientReference\n"                                                                    \
	"      direction: {path: direction, values: {INBOUND: in, RECEIVED: in, OUTBOUND: out, SENT: out, INTERNAL: "  \
	"internal}}\n"                                                                                                 \
	"      network: {path: chain, values: {BITCOIN: 'bip122:000000000019d6689c085ae165831e93', ETHEREUM: "         \
	"'eip155:1', BINANCE_SMART_CHAIN: 'eip155:56', POLYGON: 'eip155:137', AVALANCHE: 'eip155:43114', FANTOM: "     \
	"'eip155:250'}, otherwise: ''}\n"                                                                              \
	"      asset: {path: contractAddress, missing: native}\n"                                                      \
	"      amount_base_units: amount\n"                                                                            \
	"      fee_base_units: fee\n"                                                                                  \
	"      address: address\n"                                                                                     \
	"      tx_hash: transactionHash\n"                                                                             \
	"      output_index: outputIndex\n"                                                                            \
	"      status: status\n"                                                                                       \
	"      occurred_at: updatedAt\n"

const char mapping_platform[] =
    "headers:\n"
    "  authorization: Bearer ${token}\n"
    "lists:\n"
    "  - query: 'query ($limit: Int!, $nextToken: String) { listRequests(limit: $limit, nextToken: $nextToken) { items "
    "{ " FIELDS " } nextToken } }'\n"
    "    variables: {limit: 100}\n"
    "    items: data.listRequests.items\n"
    "    paging: {kind: cursor, next: data.listRequests.nextToken, parameter: nextToken}\n" RECORD
    "  - query: 'query ($limit: Int!, $nextToken: String) { listBalances(limit: $limit, nextToken: $nextToken) { items "
    "{ chain contractAddress subWalletIdString balance updatedAt } nextToken } }'\n"
    "    variables: {limit: 100}\n"
    "    items: data.listBalances.items\n"
    "    paging: {kind: cursor, next: data.listBalances.nextToken, parameter: nextToken}\n"
    "    record:\n"
    "      network: {path: chain, values: {BITCOIN: 'bip122:000000000019d6689c085ae165831e93', ETHEREUM: 'eip155:1', "
    "BINANCE_SMART_CHAIN: 'eip155:56', POLYGON: 'eip155:137', AVALANCHE: 'eip155:43114', FANTOM: 'eip155:250'}, "
    "otherwise: ''}\n"
    "      asset: {path: contractAddress, missing: native}\n"
    "      account: subWalletIdString\n"
    "      balance_base_units: balance\n"
    "      occurred_at: updatedAt\n"
    "lookup:\n"
    "    query: 'query ($requestId: String!) { getRequest(requestId: $requestId) { " FIELDS " } }'\n"
    "    variables: {requestId: '${id}'}\n"
    "    item: data.getRequest\n" RECORD;
