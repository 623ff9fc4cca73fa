/* broker_kafka_mail.c: events from the threads that may block to the loop that must not. */
#include "broker_kafka_internal.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_open(struct mailbox *mailbox, struct err *err)
{
	*mailbox = (struct mailbox){.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (mailbox->event_fd < 0)
		return err_system(err, "eventfd");
	pthread_mutex_init(&mailbox->lock, NULL);
	return 0;
}

void mailbox_close(struct mailbox *mailbox)
{
	struct mail *mail;
	while ((mail = mailbox_take(mailbox))) {
		free(mail->memory);
		free(mail);
	}
	pthread_mutex_destroy(&mailbox->lock);
	close(mailbox->event_fd);
}

void mailbox_put(struct mailbox *mailbox, const struct broker_event *event, void *memory)
{
	struct mail *mail = malloc(sizeof *mail);
	if (!mail)
		abort();		/* a lost event would be a lost result: die and be resumed */
	*mail = (struct mail){.event = *event, .memory = memory};
	pthread_mutex_lock(&mailbox->lock);
	if (mailbox->last)
		mailbox->last->next = mail;
	else
		mailbox->first = mail;
	mailbox->last = mail;
	mailbox->count++;
	pthread_mutex_unlock(&mailbox->lock);
	uint64_t one = 1;
	if (write(mailbox->event_fd, &one, sizeof one) < 0)
		return;			/* full: it is readable all the same */
}

size_t mailbox_count(struct mailbox *mailbox)
{
	pthread_mutex_lock(&mailbox->lock);
	size_t count = mailbox->count;
	pthread_mutex_unlock(&mailbox->lock);
	return count;
}

struct mail *mailbox_take(struct mailbox *mailbox)
{
	uint64_t count;
	pthread_mutex_lock(&mailbox->lock);
	struct mail *mail = mailbox->first;
	if (mail) {
		mailbox->first = mail->next;
		mailbox->count--;
		if (!mailbox->first)
			mailbox->last = NULL;
	} else if (read(mailbox->event_fd, &count, sizeof count) < 0) {
		count = 0;		/* nothing had been put since */
	}
	pthread_mutex_unlock(&mailbox->lock);
	return mail;
}
