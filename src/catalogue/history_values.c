/* Names, hashes, addresses and amounts that look real, each from its own derivation of the transaction's seed.
 * Bech32 addresses carry their checksum; base58 ones have the right form but none. */
#include "catalogue/history_parts.h"

#include <inttypes.h>

#define BITCOIN_NETWORK "bip122:000000000019d6689c085ae165831e93"

const struct history_asset history_assets[] = {
    {FAMILY_BITCOIN, BITCOIN_NETWORK, "native", "BTC", "Bitcoin", "BITCOIN", "BTC", 8, 8, 40, 600000, 877000},
    {FAMILY_BITCOIN, BITCOIN_NETWORK, "native", "BTC", "Bitcoin", "BITCOIN", "BTC", 8, 4, 400, 600000, 877000},
    {FAMILY_EVM, "eip155:1", "native", "ETH", "Ether", "ETHEREUM", "ETH", 18, 6, 900, 12000, 21525000},
    {FAMILY_EVM, "eip155:1", "native", "ETH", "Ether", "ETHEREUM", "ETH", 18, 2, 9000, 12000, 21525000},
    {FAMILY_EVM, "eip155:1", "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "USDC", "USD Coin", "ETHEREUM", "ETH", 6, 2,
	4000000, 12000, 21525000},
    {FAMILY_EVM, "eip155:1", "0xdac17f958d2ee523a2206206994597c13d831ec7", "USDT", "Tether USD", "ETHEREUM", "ETH", 6,
	6, 4000000, 12000, 21525000},
    {FAMILY_EVM, "eip155:1", "0x6b175474e89094c44da98b954eedeac495271d0f", "DAI", "Dai Stablecoin", "ETHEREUM", "ETH",
	18, 6, 4000000, 12000, 21525000},
    {FAMILY_EVM, "eip155:56", "native", "BNB", "BNB", "BINANCE_SMART_CHAIN", "BSC", 18, 4, 5000, 3000, 45430000},
    {FAMILY_EVM, "eip155:137", "native", "POL", "Polygon", "POLYGON", "POLYGON", 18, 4, 90000, 2000, 66150000},
    {FAMILY_EVM, "eip155:43114", "native", "AVAX", "Avalanche", "AVALANCHE", "AVAX", 18, 4, 20000, 2000, 55000000},
    {FAMILY_EVM, "eip155:250", "native", "FTM", "Fantom", "FANTOM", "FANTOM", 18, 2, 90000, 1000, 102000000},
    {FAMILY_EVM, "eip155:8453", "native", "ETH", "Ether", "UNSUPPORTED_ETHEREUM", "ETH", 18, 6, 900, 2000, 24500000},
    {FAMILY_RIPPLE, "xrpl:0", "native", "XRP", "XRP", "RIPPLE", "XRP", 6, 6, 900000, 4000, 93200000},
    {FAMILY_CARDANO, "cip34:1-764824073", "native", "ADA", "Cardano", "CARDANO", "ADA", 6, 6, 900000, 20000, 11300000},
    {FAMILY_SOLANA, "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "native", "SOL", "Solana", "SOLANA", "SOL", 9, 4, 20000,
	400, 290000000},
    {FAMILY_SUBSTRATE, "polkadot:91b171bb158e2d3848fa23a9f1c25182", "native", "DOT", "Polkadot", "SUBSTRATE", "DOT", 10,
	4, 90000, 6000, 24000000},
    {FAMILY_DOGE, "bip122:1a91e3dace36e2be3bf030a65679fe82", "native", "DOGE", "Dogecoin", "DOGE", "DOGE", 8, 2,
	2000000, 60000, 5520000},
};
const size_t history_asset_count = COUNT_OF(history_assets);

struct random
history_derive(const struct history_case *of, enum history_value value, uint64_t number)
{
	struct random random;
	random_seed(
	    &random, of->seed ^ ((uint64_t)value + 1) * 0xd6e8feb86659fd93u ^ (number + 1) * 0xa0761d6478bd642fu);
	return random;
}

static struct slice
random_characters(struct random *random, const char *alphabet, struct slice prefix, size_t count, struct arena *arena)
{
	size_t letters = strlen(alphabet);
	char *text = arena_alloc(arena, prefix.len + count + 1);
	memcpy(text, prefix.ptr, prefix.len);
	for (size_t i = 0; i < count; i++)
		text[prefix.len + i] = alphabet[random_below(random, letters)];
	return (struct slice){text, prefix.len + count};
}

static const char hexadecimal[] = "0123456789abcdef";
static const char base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

struct slice
history_uuid(const struct history_case *of, enum history_value value, uint64_t number, struct arena *arena)
{
	struct random random = history_derive(of, value, number);
	uint64_t high = random_next(&random), low = random_next(&random);
	return arena_printf(arena, "%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-%04" PRIx64 "-%012" PRIx64, high >> 32,
	    high >> 16 & 0xffff, high & 0xfff, (low >> 48 & 0x3fff) | 0x8000, low & 0xffffffffffff);
}

struct slice
history_name(
    const struct history_case *of, enum history_value value, uint64_t number, struct slice prefix, struct arena *arena)
{
	struct random random = history_derive(of, value, number);
	return random_characters(&random, hexadecimal, prefix, 16, arena);
}

/* BIP 173, section "Bech32": the checksum of the expanded prefix, the values and six zeros. */
static uint32_t
bech32_step(uint32_t checksum, uint32_t value)
{
	static const uint32_t generator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
	uint32_t top = checksum >> 25;
	checksum = (checksum & 0x1ffffff) << 5 ^ value;
	for (unsigned i = 0; i < 5; i++)
		if ((top >> i & 1) != 0)
			checksum ^= generator[i];
	return checksum;
}

static struct slice
bech32(struct slice prefix, const unsigned char *values, size_t count, struct arena *arena)
{
	static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
	uint32_t checksum = 1;
	for (size_t i = 0; i < prefix.len; i++)
		checksum = bech32_step(checksum, (uint32_t)(unsigned char)prefix.ptr[i] >> 5);
	checksum = bech32_step(checksum, 0);
	for (size_t i = 0; i < prefix.len; i++)
		checksum = bech32_step(checksum, (uint32_t)(unsigned char)prefix.ptr[i] & 31);
	char *text = arena_alloc(arena, prefix.len + 1 + count + 6 + 1), *at = text + prefix.len;
	memcpy(text, prefix.ptr, prefix.len);
	*at++ = '1';
	for (size_t i = 0; i < count; i++) {
		checksum = bech32_step(checksum, values[i]);
		*at++ = alphabet[values[i]];
	}
	for (unsigned i = 0; i < 6; i++)
		checksum = bech32_step(checksum, 0);
	checksum ^= 1;
	for (unsigned i = 0; i < 6; i++)
		*at++ = alphabet[checksum >> 5 * (5 - i) & 31];
	return (struct slice){text, (size_t)(at - text)};
}

/* Witness version 0 and a program of 20 bytes: 32 groups of five bits. */
static struct slice
bitcoin_address(struct random *random, struct arena *arena)
{
	unsigned char values[33] = {0};
	for (size_t i = 1; i < COUNT_OF(values); i++)
		values[i] = (unsigned char)random_below(random, 32);
	return bech32(SLICE("bc"), values, COUNT_OF(values), arena);
}

/* A base address (CIP-19): the header byte 01 and 56 bytes; the last group holds one bit and four of padding. */
static struct slice
cardano_address(struct random *random, struct arena *arena)
{
	unsigned char values[92];
	for (size_t i = 0; i < COUNT_OF(values); i++)
		values[i] = (unsigned char)random_below(random, 32);
	values[0] = 0;
	values[1] = 4 | (values[1] & 3);
	values[91] &= 16;
	return bech32(SLICE("addr"), values, COUNT_OF(values), arena);
}

struct slice
history_address(const struct history_case *of, enum history_value value, struct arena *arena)
{
	struct random random = history_derive(of, value, 0);
	switch (history_assets[of->asset].family) {
	case FAMILY_BITCOIN: return bitcoin_address(&random, arena);
	case FAMILY_EVM: return random_characters(&random, hexadecimal, SLICE("0x"), 40, arena);
	case FAMILY_RIPPLE: return random_characters(&random, base58, SLICE("r"), 33, arena);
	case FAMILY_CARDANO: return cardano_address(&random, arena);
	case FAMILY_SOLANA: return random_characters(&random, base58, SLICE(""), 44, arena);
	case FAMILY_SUBSTRATE: return random_characters(&random, base58, SLICE("1"), 46, arena);
	case FAMILY_DOGE: return random_characters(&random, base58, SLICE("D"), 33, arena);
	}
	UNREACHABLE();
}

struct slice
history_hash(const struct history_case *of, enum history_value value, uint64_t number, struct arena *arena)
{
	struct random random = history_derive(of, value, number);
	bool block = value == VALUE_BLOCK;
	switch (history_assets[of->asset].family) {
	case FAMILY_BITCOIN:
		return block ? random_characters(&random, hexadecimal, SLICE("0000000000000000000"), 45, arena)
			     : random_characters(&random, hexadecimal, SLICE(""), 64, arena);
	case FAMILY_EVM:
	case FAMILY_SUBSTRATE: return random_characters(&random, hexadecimal, SLICE("0x"), 64, arena);
	case FAMILY_RIPPLE: return random_characters(&random, "0123456789ABCDEF", SLICE(""), 64, arena);
	case FAMILY_SOLANA: return random_characters(&random, base58, SLICE(""), block ? 44 : 88, arena);
	case FAMILY_CARDANO:
	case FAMILY_DOGE: return random_characters(&random, hexadecimal, SLICE(""), 64, arena);
	}
	UNREACHABLE();
}

static uint64_t
power_of_ten(unsigned exponent)
{
	uint64_t power = 1;
	while (exponent-- > 0)
		power *= 10;
	return power;
}

/* The number is drawn with the digits that people choose; the zeros that the base unit adds are only text, so it
 * may exceed 64 bits. */
struct history_amount
history_amount(const struct history_case *of, struct arena *arena)
{
	const struct history_asset *asset = &history_assets[of->asset];
	struct random random = history_derive(of, VALUE_AMOUNT, 0);
	uint64_t scale = power_of_ten(asset->digits);
	/* Small amounts are more frequent than large ones. */
	uint64_t largest = 1 + random_below(&random, asset->whole_max * scale);
	uint64_t number = 1 + random_below(&random, largest);
	struct history_amount amount;
	amount.base_units = arena_printf(
	    arena, "%" PRIu64 "%.*s", number, (int)(asset->decimals - asset->digits), "000000000000000000");
	amount.decimal =
	    arena_printf(arena, "%" PRIu64 ".%0*" PRIu64, number / scale, (int)asset->digits, number % scale);
	while (amount.decimal.ptr[amount.decimal.len - 1] == '0')
		amount.decimal.len--;
	if (amount.decimal.ptr[amount.decimal.len - 1] == '.')
		amount.decimal.len--;
	return amount;
}

struct slice
history_fee(const struct history_case *of, struct arena *arena)
{
	struct random random = history_derive(of, VALUE_FEE, of->hash_number);
	/* A replacement pays more than what it replaces. */
	uint64_t fee = (1000 + random_below(&random, 9000)) * (1 + of->hash_number * 10);
	unsigned zeros = history_assets[of->asset].family == FAMILY_EVM ? 11 : 0;
	return arena_printf(arena, "%" PRIu64 "%.*s", fee, (int)zeros, "00000000000");
}
