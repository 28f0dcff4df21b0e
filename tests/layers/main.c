/* The program that a layer is linked into: it calls nothing, so whatever is missing the layer itself calls. */
int
main(void)
{
	return 0;
}
