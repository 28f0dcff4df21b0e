#include "transport/stream.h"

#include "transport/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static bool
is_pause(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static long
receive(struct stream *stream, char *out, size_t bytes)
{
	if (stream->drained)
		return STREAM_WAIT;
	ssize_t count = recv(stream->fd, out, bytes, 0);
	if (count > 0) {
		/* A short read emptied the socket: more will come with an edge of its own. The end came with this one. */
		stream->drained = (size_t)count < bytes && !stream->closing;
		return count;
	}
	if (count == 0)
		return STREAM_ENDED;
	if (!is_pause(errno))
		return STREAM_BROKEN;
	stream->drained = errno != EINTR;
	return STREAM_WAIT;
}

long
stream_read(struct stream *stream, char *out, size_t bytes)
{
	if (stream->tls == NULL)
		return receive(stream, out, bytes);
	ERR_clear_error();
	int limit = bytes > INT32_MAX ? INT32_MAX : (int)bytes;
	int count = SSL_read(stream->tls, out, limit);
	if (count > 0)
		return count;
	switch (SSL_get_error(stream->tls, count)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE: return STREAM_WAIT;
	case SSL_ERROR_ZERO_RETURN: return STREAM_ENDED;
	default:
		stream->broken = true;
		stream->reason = tls_reason(stream->asked, X509_V_OK, ERR_peek_error());
		return STREAM_BROKEN;
	}
}

bool
stream_empty(const struct stream *stream)
{
	return stream->drained && (stream->tls == NULL || SSL_has_pending(stream->tls) == 0);
}

static long
write_tls(struct stream *stream, const struct iovec *parts, int count)
{
	while (count > 1 && parts->iov_len == 0) {
		parts++;
		count--;
	}
	ERR_clear_error();
	int limit = parts->iov_len > INT32_MAX ? INT32_MAX : (int)parts->iov_len;
	int written = SSL_write(stream->tls, parts->iov_base, limit);
	if (written > 0)
		return written;
	int error = SSL_get_error(stream->tls, written);
	if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ)
		return STREAM_WAIT;
	stream->broken = true;
	return STREAM_BROKEN;
}

long
stream_write(struct stream *stream, const struct iovec *parts, int count)
{
	if (stream->tls != NULL)
		return write_tls(stream, parts, count);
	struct iovec copy[2];
	ENSURE(count > 0 && count <= (int)COUNT_OF(copy));
	memcpy(copy, parts, (size_t)count * sizeof copy[0]);
	struct msghdr message = {.msg_iov = copy, .msg_iovlen = (size_t)count};
	ssize_t written = sendmsg(stream->fd, &message, MSG_NOSIGNAL);
	if (written >= 0)
		return written;
	return is_pause(errno) ? STREAM_WAIT : STREAM_BROKEN;
}

void
stream_ready(struct stream *stream, uint32_t events)
{
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		stream->closing = true;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		stream->drained = false;
}

bool
stream_shut(struct stream *stream)
{
	if (stream->tls != NULL && !stream->broken) {
		ERR_clear_error();
		stream->broken = SSL_shutdown(stream->tls) < 0;
	}
	return !stream->broken && shutdown(stream->fd, SHUT_WR) == 0;
}

long
stream_drop(struct stream *stream, char *out, size_t bytes)
{
	return receive(stream, out, bytes);
}

void
stream_close(struct stream *stream)
{
	if (stream->fd < 0)
		return;
	if (stream->tls != NULL && !SSL_in_init(stream->tls)) {
		/* Without an end of its own, OpenSSL holds a session to be spoilt and does not resume it. */
		ERR_clear_error();
		if (stream->broken || SSL_shutdown(stream->tls) < 0)
			SSL_set_shutdown(stream->tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	}
	SSL_free(stream->tls);
	close(stream->fd);
	*stream = (struct stream){.fd = -1};
}

/* --- OpenSSL's way to the descriptor -------------------------------------------------------------------- */

/* OpenSSL's own socket BIO writes without MSG_NOSIGNAL, and knows nothing of `drained`. */

static int
bio_read(BIO *bio, char *out, int bytes)
{
	long count = receive(BIO_get_data(bio), out, (size_t)bytes);
	BIO_clear_retry_flags(bio);
	if (count == STREAM_WAIT)
		BIO_set_retry_read(bio);
	if (count == STREAM_ENDED)
		return 0;
	return count > 0 ? (int)count : -1;
}

static int
bio_write(BIO *bio, const char *bytes, int length)
{
	const struct stream *stream = BIO_get_data(bio);
	ssize_t count = send(stream->fd, bytes, (size_t)length, MSG_NOSIGNAL);
	BIO_clear_retry_flags(bio);
	if (count < 0 && is_pause(errno))
		BIO_set_retry_write(bio);
	return (int)count;
}

static long
bio_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD *
stream_method_new(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
	ENSURE(method != NULL && BIO_meth_set_read(method, bio_read) == 1 &&
	       BIO_meth_set_write(method, bio_write) == 1 && BIO_meth_set_ctrl(method, bio_control) == 1);
	return method;
}
