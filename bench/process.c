#include "process.h"

#include "base/macros.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_MS = 10000, STOP_MS = 10000, CALL_S = 10, POLL_MS = 5 };

static void
pause_ms(int ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L}, NULL);
}

/* The first `bytes` - 1 bytes of a file. */
static bool
read_text(const char *path, char *out, size_t bytes)
{
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	size_t length = fread(out, 1, bytes - 1, file);
	out[length] = '\0';
	fclose(file);
	return true;
}

/* Runs the binary with its output in the log file. */
static pid_t
spawn(const char *log, const char *authority, char *const *arguments)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	/* However the benchmark ends, it leaves no server behind. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(127);
	setenv("VAULTBELL_DELIVERY_ALLOW_HTTP", "true", 1);
	setenv("VAULTBELL_DELIVERY_ALLOW_NETWORKS", "127.0.0.0/8", 1);
	setenv("SSL_CERT_FILE", authority, 1);
	execv(arguments[0], arguments);
	_exit(127);
}

static bool
complain(const struct process *process, const char *what)
{
	char text[PROCESS_TEXT_BYTES] = "";
	(void)read_text(process->log, text, sizeof text);
	fprintf(stderr, "bench: %s %s; it says:\n%s\n", process->binary, what, text);
	return false;
}

/* "vaultbell: serving http://127.0.0.1:PORT" */
static bool
find_port(struct process *process)
{
	char text[PROCESS_TEXT_BYTES];
	static const char line[] = "serving http://127.0.0.1:";
	if (!read_text(process->log, text, sizeof text))
		return false;
	const char *at = strstr(text, line);
	if (at == NULL || strchr(at, '\n') == NULL)
		return false;
	process->port = (int)strtol(at + sizeof line - 1, NULL, 10);
	return process->port > 0;
}

bool
process_start(struct process *process, const char *binary, const char *parent, const char *authority)
{
	*process = (struct process){.pid = -1};
	if (realpath(binary, process->binary) == NULL || access(process->binary, X_OK) != 0) {
		fprintf(stderr, "bench: %s is not a program: %s\n", binary, strerror(errno));
		return false;
	}
	snprintf(process->directory, sizeof process->directory, "%s/vaultbell-bench-XXXXXX", parent);
	if (mkdtemp(process->directory) == NULL) {
		fprintf(stderr, "bench: no directory below %s: %s\n", parent, strerror(errno));
		process->directory[0] = '\0';
		return false;
	}
	snprintf(process->log, sizeof process->log, "%s/serve.log", process->directory);
	char *arguments[] = {process->binary, "serve", "--data", process->directory, "--listen", "127.0.0.1:0", NULL};
	process->pid = spawn(process->log, authority, arguments);
	if (process->pid < 0)
		return complain(process, "does not start");
	for (int waited = 0; waited < START_MS; waited += POLL_MS) {
		if (find_port(process))
			return true;
		if (waitpid(process->pid, NULL, WNOHANG) == process->pid) {
			process->pid = -1;
			return complain(process, "serve ended at once");
		}
		pause_ms(POLL_MS);
	}
	return complain(process, "serve does not say where it serves");
}

bool
process_token(struct process *process, char *token, size_t bytes)
{
	char log[PROCESS_TEXT_BYTES + 16];
	snprintf(log, sizeof log, "%s/token.log", process->directory);
	char *arguments[] = {
	    process->binary, "token", "create", "--data", process->directory, "--role", "platform-admin", NULL};
	pid_t pid = spawn(log, "", arguments);
	int status;
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !read_text(log, token, bytes) || status != 0) {
		fprintf(stderr, "bench: token create failed: %s\n", token);
		return false;
	}
	token[strcspn(token, "\r\n")] = '\0';
	return token[0] != '\0';
}

static int
read_status(int fd)
{
	char answer[16384];
	size_t have = 0, head;
	for (;;) {
		ssize_t count = recv(fd, answer + have, sizeof answer - have, 0);
		if (count <= 0)
			return 0;
		have += (size_t)count;
		if (have == sizeof answer || frame_length(answer, have, &head) != 0)
			return have > 12 ? (int)strtol(answer + 9, NULL, 10) : 0;
	}
}

int
process_call(const struct process *process, const char *token, const char *path, const char *body)
{
	char request[PROCESS_TEXT_BYTES];
	int length = snprintf(request, sizeof request,
	    "POST %s HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer %s\r\ncontent-type: application/json\r\n"
	    "content-length: %zu\r\n\r\n%s",
	    path, token, strlen(body), body);
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons((uint16_t)process->port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval timeout = {.tv_sec = CALL_S};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	int status = 0;
	if (length < (int)sizeof request && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
	    send(fd, request, (size_t)length, MSG_NOSIGNAL) == length)
		status = read_status(fd);
	close(fd);
	return status;
}

static void
add_thread(struct process_cpu *cpu, const char *name, int64_t ns)
{
	for (size_t i = 0; i < cpu->count; i++) {
		if (strcmp(cpu->threads[i].name, name) == 0) {
			cpu->threads[i].ns += ns;
			return;
		}
	}
	if (cpu->count == PROCESS_THREADS_MAX)
		return;
	snprintf(cpu->threads[cpu->count].name, sizeof cpu->threads[cpu->count].name, "%s", name);
	cpu->threads[cpu->count++].ns = ns;
}

struct process_cpu
process_cpu(const struct process *process)
{
	struct process_cpu cpu = {0};
	clockid_t clock;
	struct timespec used;
	if (clock_getcpuclockid(process->pid, &clock) == 0 && clock_gettime(clock, &used) == 0)
		cpu.total_ns = used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
	char path[512], name[16], text[128];
	snprintf(path, sizeof path, "/proc/%d/task", (int)process->pid);
	DIR *tasks = opendir(path);
	for (struct dirent *task = tasks == NULL ? NULL : readdir(tasks); task != NULL; task = readdir(tasks)) {
		if (task->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%s/comm", (int)process->pid, task->d_name);
		if (!read_text(path, name, sizeof name))
			continue;
		name[strcspn(name, "\n")] = '\0';
		/* The first of its numbers is the time on the processor, in nanoseconds. */
		snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)process->pid, task->d_name);
		if (read_text(path, text, sizeof text))
			add_thread(&cpu, name, strtoll(text, NULL, 10));
	}
	if (tasks != NULL)
		closedir(tasks);
	return cpu;
}

/* "cpu  user nice system idle iowait irq softirq steal …" in clock ticks; what is stolen is not ours to use either. */
int64_t
machine_cpu_ns(void)
{
	char text[256];
	long long user, nice, system, idle, wait, irq, softirq, steal;
	if (!read_text("/proc/stat", text, sizeof text) ||
	    sscanf(text, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &user, &nice, &system, &idle, &wait, &irq,
		&softirq, &steal) != 8)
		return 0;
	return (user + nice + system + irq + softirq + steal) * (1000000000 / sysconf(_SC_CLK_TCK));
}

long
process_peak_kib(const struct process *process)
{
	char path[64], text[PROCESS_TEXT_BYTES];
	snprintf(path, sizeof path, "/proc/%d/status", (int)process->pid);
	if (!read_text(path, text, sizeof text))
		return 0;
	const char *at = strstr(text, "VmHWM:");
	return at == NULL ? 0 : strtol(at + 6, NULL, 10);
}

static int
remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

bool
process_stop(struct process *process)
{
	bool well = process->pid > 0;
	if (process->pid > 0) {
		int status = 0;
		kill(process->pid, SIGTERM);
		pid_t ended = 0;
		for (int waited = 0; waited < STOP_MS && ended == 0; waited += POLL_MS) {
			ended = waitpid(process->pid, &status, WNOHANG);
			if (ended == 0)
				pause_ms(POLL_MS);
		}
		if (ended == 0) {
			kill(process->pid, SIGKILL);
			waitpid(process->pid, &status, 0);
		}
		well = ended != 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
		if (!well)
			complain(process, "did not end well");
		process->pid = -1;
	}
	if (process->directory[0] != '\0')
		nftw(process->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return well;
}
