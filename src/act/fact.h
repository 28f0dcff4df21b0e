/* What a condition may ask of a member. Private to rule.c and rule_read.c. */
#ifndef ACT_FACT_H
#define ACT_FACT_H

#include "act/rule.h"

enum act_fact_kind { FACT_EXISTS, FACT_ONE_OF, FACT_ABOVE, FACT_AT_LEAST, FACT_BELOW, FACT_AT_MOST };

struct act_fact {
	enum act_fact_kind kind;
	struct slice_list texts; /* of a comparison: the one number */
	size_t index;		 /* of its bit in the answers */
	struct act_fact *next;	 /* of the same path: the leaf of its node */
};

#endif
