/* test_record.c: what the launcher accepts from a caller that it treats as hostile. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../sandbox/shared/blob.h"
#include "../../sandbox/shared/record.h"
#include "../../sandbox/shared/setup.h"

static struct record_start good_start(void)
{
	return (struct record_start){.header = {RECORD_MAGIC, RECORD_START}, .runtime = 1,
		.level = SANDBOX_STRICT, .tag = 7};
}

START_TEST(a_start_record_with_its_descriptors_is_taken)
{
	const char *why = NULL;
	struct record_start start = good_start();
	ck_assert_int_eq(record_check(&start, record_start_size(&start), START_FDS, 2, &why), 0);
	start.payload_size = sizeof start.payload;
	ck_assert_int_eq(record_check(&start, sizeof start.payload + offsetof(struct record_start, payload),
		START_PAYLOAD, 2, &why), 0);
}
END_TEST

START_TEST(every_other_size_is_refused)
{
	const char *why;
	char bytes[sizeof(union record) + 8] = {0};
	struct record_start start = good_start();
	memcpy(bytes, &start, sizeof start);
	for (size_t size = 0; size < sizeof bytes; size++)
		for (size_t fds = START_PAYLOAD; fds <= START_FDS; fds++)
			if (size != record_start_size(&start) || fds != START_FDS)
				ck_assert_int_eq(record_check(bytes, size, fds, 2, &why), -1);
}
END_TEST

START_TEST(a_wrong_number_of_descriptors_is_refused)
{
	const char *why;
	struct record_start start = good_start();
	for (size_t count = 0; count < 9; count++)
		ck_assert_int_eq(record_check(&start, record_start_size(&start), count, 2, &why),
			count == START_FDS ? 0 : -1);
	start.payload_size = 1;
	for (size_t count = 0; count < 9; count++)
		ck_assert_int_eq(record_check(&start, record_start_size(&start), count, 2, &why),
			count == START_PAYLOAD ? 0 : -1);
}
END_TEST

START_TEST(a_payload_is_as_large_as_its_record_says)
{
	const char *why;
	char bytes[sizeof(union record) + 8] = {0};
	struct record_start start = good_start();
	for (uint32_t said = 0; said <= PAYLOAD_INLINE_BYTES + 1; said += 1 + said / 3) {
		start.payload_size = said;
		memcpy(bytes, &start, sizeof start);
		for (size_t size = 0; size < sizeof bytes; size++)
			ck_assert_int_eq(record_check(bytes, size, record_start_fds(&start), 2, &why),
				size == record_start_size(&start) && said <= PAYLOAD_INLINE_BYTES ? 0 : -1);
	}
	start.payload_size = UINT32_MAX;
	ck_assert_int_eq(record_check(&start, sizeof start, START_PAYLOAD, 2, &why), -1);
}
END_TEST

START_TEST(unknown_runtimes_levels_types_and_magic_are_refused)
{
	const char *why;
	struct record_start start = good_start();
	start.runtime = 2;
	ck_assert_int_eq(record_check(&start, record_start_size(&start), START_FDS, 2, &why), -1);
	start = good_start();
	start.level = SANDBOX_LEVELS;
	ck_assert_int_eq(record_check(&start, record_start_size(&start), START_FDS, 2, &why), -1);
	start = good_start();
	start.header.type = RECORD_OUTCOME;
	ck_assert_int_eq(record_check(&start, record_start_size(&start), START_FDS, 2, &why), -1);
	start = good_start();
	start.header.magic ^= 1;
	ck_assert_int_eq(record_check(&start, record_start_size(&start), START_FDS, 2, &why), -1);
}
END_TEST

START_TEST(kill_and_lease_records_carry_no_descriptors)
{
	const char *why;
	struct record_kill kill = {.header = {RECORD_MAGIC, RECORD_KILL}, .tag = 7};
	struct record_lease lease = {.header = {RECORD_MAGIC, RECORD_LEASE}, .until_ms = 7};
	ck_assert_int_eq(record_check(&kill, sizeof kill, 0, 2, &why), 0);
	ck_assert_int_eq(record_check(&lease, sizeof lease, 0, 2, &why), 0);
	ck_assert_int_eq(record_check(&kill, sizeof kill, 1, 2, &why), -1);
	ck_assert_int_eq(record_check(&lease, sizeof lease, 1, 2, &why), -1);
	ck_assert_int_eq(record_check(&lease, sizeof lease - 1, 0, 2, &why), -1);
}
END_TEST

START_TEST(limits_are_only_ever_lowered)
{
	struct sandbox_limits ceiling = {100, 100, 100, 100, 100, 100, 100};
	struct sandbox_limits asked = {0, 50, 200, UINT64_MAX, 100, 1, 99};
	struct sandbox_limits got = limits_clamp(&asked, &ceiling);
	ck_assert_uint_eq(got.wall_ms, 100);
	ck_assert_uint_eq(got.cpu_ms, 50);
	ck_assert_uint_eq(got.memory_bytes, 100);
	ck_assert_uint_eq(got.disk_bytes, 100);
	ck_assert_uint_eq(got.processes, 100);
	ck_assert_uint_eq(got.output_bytes, 1);
	ck_assert_uint_eq(got.open_files, 99);
}
END_TEST

START_TEST(descriptors_beyond_the_wanted_are_closed)
{
	int ends[2], nulls[6], got[2];
	size_t count;
	char data[4];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	for (int i = 0; i < 6; i++)
		nulls[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(record_send(ends[0], "abc", 4, nulls, 6), 0);
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(before);
	ck_assert_int_eq(record_receive(ends[1], data, sizeof data, got, 2, &count), 4);
	ck_assert_uint_eq(count, 2);
	close(got[0]);
	close(got[1]);
	int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(before, after);	/* the other four are closed */
}
END_TEST

START_TEST(a_cut_datagram_is_an_error)
{
	int ends[2];
	size_t count;
	char data[4];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(record_send(ends[0], "too long", 9, NULL, 0), 0);
	ck_assert_int_eq(record_receive(ends[1], data, sizeof data, NULL, 0, &count), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
}
END_TEST

START_TEST(a_blob_reads_back_what_was_written)
{
	struct blob_writer writer = {0};
	blob_put_u64(&writer, 42);
	blob_put_string(&writer, "text");
	blob_put_string(&writer, NULL);
	blob_put_bytes(&writer, "a\0b", 3);
	struct blob_reader reader = {.data = writer.data, .size = writer.size};
	size_t size;
	ck_assert_uint_eq(blob_get_u64(&reader), 42);
	ck_assert_str_eq(blob_get_string(&reader), "text");
	ck_assert_ptr_null(blob_get_string(&reader));
	ck_assert(!reader.failed);
	ck_assert_mem_eq(blob_get_bytes(&reader, &size), "a\0b", 3);
	ck_assert_uint_eq(size, 3);
	free(writer.data);
}
END_TEST

START_TEST(a_blob_cut_anywhere_fails_and_stays_failed)
{
	struct blob_writer writer = {0};
	blob_put_string(&writer, "text");
	blob_put_u64(&writer, 1);
	for (size_t cut = 0; cut < writer.size; cut++) {
		struct blob_reader reader = {.data = writer.data, .size = cut};
		(void)blob_get_string(&reader);
		(void)blob_get_u64(&reader);
		ck_assert(reader.failed);
		ck_assert_ptr_null(blob_get_string(&reader));
	}
	free(writer.data);
}
END_TEST

START_TEST(a_length_beyond_the_blob_fails)
{
	uint64_t lengths[] = {UINT64_MAX - 1, UINT64_MAX / 2, 1u << 20, 9};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		char data[16] = {0};
		size_t size;
		memcpy(data, &lengths[i], sizeof lengths[i]);
		struct blob_reader reader = {.data = data, .size = sizeof data};
		ck_assert_ptr_null(blob_get_bytes(&reader, &size));
		ck_assert(reader.failed);
	}
}
END_TEST

START_TEST(the_set_up_survives_its_way_to_the_launcher)
{
	static struct setup from, to;
	struct sock_filter filter[3] = {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}};
	from = (struct setup){.slots = 3, .pool = 2, .floor = SANDBOX_RESTRICTED, .require = 5,
		.uid_base = 60100, .run_directory = "/run/x", .runtime_count = 1,
		.runtimes[0] = {.name = "shell", .extension = ".sh", .argv = {"/bin/sh", "{file}"},
			.preload = "numpy"}, .zygote_jobs = 9, .no_warm = true,
		.read_only_paths = {"/opt/tool"}, .limits = {1, 2, 3, 4, 5, 6, 7}};
	from.filters[SANDBOX_STRICT][1] = (struct setup_filter){filter, 3};
	struct blob_writer writer = {0};
	setup_write(&from, &writer);
	struct blob_reader reader = {.data = writer.data, .size = writer.size};
	ck_assert_int_eq(setup_read(&to, &reader), 0);
	ck_assert_uint_eq(to.slots, 3);
	ck_assert_uint_eq(to.zygote_jobs, 9);
	ck_assert(to.no_warm);
	ck_assert_str_eq(to.runtimes[0].preload, "numpy");
	ck_assert_uint_eq(to.floor, SANDBOX_RESTRICTED);
	ck_assert_str_eq(to.runtimes[0].argv[1], "{file}");
	ck_assert_ptr_null(to.runtimes[0].argv[2]);
	ck_assert_str_eq(to.read_only_paths[0], "/opt/tool");
	ck_assert_uint_eq(to.limits.open_files, 7);
	ck_assert_uint_eq(to.filters[SANDBOX_STRICT][1].count, 3);
	ck_assert_mem_eq(to.filters[SANDBOX_STRICT][1].code, filter, sizeof filter);
	for (size_t cut = 0; cut < writer.size; cut += 7) {
		struct blob_reader short_reader = {.data = writer.data, .size = cut};
		ck_assert_int_eq(setup_read(&to, &short_reader), -1);
	}
	free(writer.data);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *cases = tcase_create("record");
	tcase_add_test(cases, a_start_record_with_its_descriptors_is_taken);
	tcase_add_test(cases, every_other_size_is_refused);
	tcase_add_test(cases, a_wrong_number_of_descriptors_is_refused);
	tcase_add_test(cases, a_payload_is_as_large_as_its_record_says);
	tcase_add_test(cases, unknown_runtimes_levels_types_and_magic_are_refused);
	tcase_add_test(cases, kill_and_lease_records_carry_no_descriptors);
	tcase_add_test(cases, limits_are_only_ever_lowered);
	tcase_add_test(cases, descriptors_beyond_the_wanted_are_closed);
	tcase_add_test(cases, a_cut_datagram_is_an_error);
	tcase_add_test(cases, a_blob_reads_back_what_was_written);
	tcase_add_test(cases, a_blob_cut_anywhere_fails_and_stays_failed);
	tcase_add_test(cases, a_length_beyond_the_blob_fails);
	tcase_add_test(cases, the_set_up_survives_its_way_to_the_launcher);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
