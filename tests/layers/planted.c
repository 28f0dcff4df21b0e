/* A call upwards, planted in a copy of a layer: UPWARD names a function of a layer above. It must not link. */
void UPWARD(void);
void planted(void);

void
planted(void)
{
	UPWARD();
}
