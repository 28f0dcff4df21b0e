/* The listening socket. */
#include "server/http_private.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 1024 };

enum error_code
http_listen(const char *host, const char *port, int *out, struct error *error)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return error_set(error, ERR_INVALID, "%s:%s is not a numeric address and port", host, port);
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
	bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
		    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 &&
		    bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0;
	int reason = errno;
	freeaddrinfo(found);
	if (!good) {
		if (fd >= 0)
			close(fd);
		return error_set(error, ERR_IO, "cannot listen on %s:%s: %s", host, port, strerror(reason));
	}
	*out = fd;
	return OK;
}

int
http_port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = {0};
	socklen_t bytes = sizeof address;
	ENSURE(getsockname(fd, &address.any, &bytes) == 0);
	return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}
