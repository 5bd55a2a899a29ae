/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "decision/base/cleanup.h"

enum { ANSWER_MAX = 4096 };

/* The owner of the socket with these ends, of one that listens without a client. -ENOENT: none. */
static int owner_of(int fd, const struct inet_diag_sockid *id, uid_t *uid)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} question = {
		.head = {.nlmsg_len = sizeof(question),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST},
		.body = {.sdiag_family = AF_INET,
			 .sdiag_protocol = IPPROTO_TCP,
			 .idiag_states = UINT32_MAX,
			 .id = *id},
	};
	union {
		struct nlmsghdr head;
		char bytes[ANSWER_MAX];
	} answer;
	const struct inet_diag_msg *found = NLMSG_DATA(&answer.head);
	const struct nlmsgerr *error = NLMSG_DATA(&answer.head);
	ssize_t n;

	if (send(fd, &question, sizeof(question), 0) < 0)
		return -errno;
	n = recv(fd, &answer, sizeof(answer), 0);
	if (n < 0)
		return -errno;
	if (n < (ssize_t)NLMSG_HDRLEN || !NLMSG_OK(&answer.head, (size_t)n))
		return -EPROTO;
	if (answer.head.nlmsg_type == NLMSG_ERROR &&
	    answer.head.nlmsg_len >= NLMSG_LENGTH(sizeof(*error)))
		return error->error < 0 ? error->error : -EPROTO;
	if (answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    answer.head.nlmsg_len < NLMSG_LENGTH(sizeof(*found)))
		return -EPROTO;
	*uid = found->idiag_uid;
	return 0;
}

int peer_check(const char *server, int port, const char *client, int client_port, uid_t uid,
	       struct err *e)
{
	cleanup_close int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct inet_diag_sockid id = {
		.idiag_sport = htons((uint16_t)port),
		.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE},
	};
	uid_t listens = (uid_t)-1, accepted = (uid_t)-1;
	int r;

	if (inet_pton(AF_INET, server, id.idiag_src) != 1)
		return err_set(e, -EAFNOSUPPORT, "%s is no address of IPv4", server);
	r = fd < 0 ? -errno : owner_of(fd, &id, &listens);
	if (!r) {
		id.idiag_dport = htons((uint16_t)client_port);
		inet_pton(AF_INET, client, id.idiag_dst);
		r = owner_of(fd, &id, &accepted);
	}
	if (r == -ENOENT)
		return err_set(e, -EPERM, "nobody listens at %s:%d any more", server, port);
	if (r) /* not to be taken for the answer */
		return err_errno(e, r == -EPERM ? -EACCES : r, "cannot ask whose %s:%d is", server,
				 port);
	/* What is not accepted yet is the kernel's, user 0, before Linux 6.17. */
	if (listens != uid || (accepted != uid && accepted != 0))
		return err_set(e, -EPERM, "%s:%d is a port of user %u, not of user %u", server,
			       port, (unsigned)(listens != uid ? listens : accepted),
			       (unsigned)uid);
	return 0;
}
