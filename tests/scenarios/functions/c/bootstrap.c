/* A custom runtime without any library: HTTP on a raw socket, one kept connection. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int api;
static const char *host;
static char head[65536]; /* of the response that was received last, ended by a zero */
static char *body;
static size_t body_length;

static char *out; /* what is being written as the function's answer */
static size_t out_length, out_size;

static void die(const char *what) {
    fprintf(stderr, "bootstrap: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void put_bytes(const char *bytes, size_t length) {
    if (out_length + length > out_size) {
        out_size = (out_length + length) * 2;
        out = realloc(out, out_size);
    }
    memcpy(out + out_length, bytes, length);
    out_length += length;
}

static void put(const char *format, ...) {
    char text[16384];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put_bytes(text, (size_t)length);
}

static void put_string(const char *text, size_t length) {
    put_bytes("\"", 1);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"' || text[i] == '\\') put_bytes("\\", 1);
        put_bytes(text + i, 1);
    }
    put_bytes("\"", 1);
}

/* --- HTTP --- */

static void dial(void) {
    char copy[64];
    host = getenv("AWS_LAMBDA_RUNTIME_API");
    snprintf(copy, sizeof copy, "%s", host);
    char *port = strchr(copy, ':');
    *port++ = 0;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
    inet_pton(AF_INET, copy, &address.sin_addr);
    api = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(api, (struct sockaddr *)&address, sizeof address)) die("connect");
    int on = 1;
    setsockopt(api, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void send_all(const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = write(api, bytes, length);
        if (sent < 0) die("write");
        bytes += sent;
        length -= (size_t)sent;
    }
}

static const char *header(const char *name, char *value, size_t size) {
    value[0] = 0;
    const char *line = strcasestr(head, name);
    if (line == NULL) return NULL;
    line += strlen(name) + 2;
    size_t length = strcspn(line, "\r");
    snprintf(value, size, "%.*s", (int)length, line);
    return value;
}

static void receive(void) {
    size_t held = 0;
    char *end = NULL;
    while (end == NULL) {
        ssize_t read_now = read(api, head + held, sizeof head - 1 - held);
        if (read_now <= 0) die("read");
        held += (size_t)read_now;
        head[held] = 0;
        end = memmem(head, held, "\r\n\r\n", 4);
    }
    char value[32];
    body_length = header("\r\nContent-Length", value, sizeof value) ? strtoul(value, NULL, 10) : 0;
    body = realloc(body, body_length + 1);
    size_t have = held - (size_t)(end + 4 - head);
    memcpy(body, end + 4, have);
    end[4] = 0;
    while (have < body_length) {
        ssize_t read_now = read(api, body + have, body_length - have);
        if (read_now <= 0) die("read");
        have += (size_t)read_now;
    }
    body[body_length] = 0;
}

static void post(const char *path, const char *bytes, size_t length) {
    char request[1024];
    int size = snprintf(request, sizeof request,
                        "POST /2018-06-01/runtime/%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                        "Lambda-Runtime-Function-Error-Type: Runtime.Scenario\r\nContent-Length: %zu\r\n\r\n",
                        path, host, length);
    send_all(request, (size_t)size);
    send_all(bytes, length);
    receive();
}

/* --- the event, which the test writes without spaces and "do" first --- */

static const char *after(const char *name) {
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *found = strstr(body, key);
    return found == NULL ? NULL : found + strlen(key);
}

static long number_of(const char *name) { return atol(after(name)); }

static char *text_of(const char *name) {
    const char *begin = after(name) + 1;
    return strndup(begin, strcspn(begin, "\""));
}

static int asks(const char *action) {
    char begin[64];
    int length = snprintf(begin, sizeof begin, "{\"do\":\"%s\"", action);
    return strncmp(body, begin, (size_t)length) == 0;
}

static void context(void) {
    char value[4096];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    long long now_ms = now.tv_sec * 1000LL + now.tv_nsec / 1000000;
    put("{\"requestId\":\"%s\"", header("Lambda-Runtime-Aws-Request-Id", value, sizeof value));
    put(",\"functionArn\":\"%s\"", header("Lambda-Runtime-Invoked-Function-Arn", value, sizeof value));
    put(",\"remainingMs\":%lld", atoll(header("Lambda-Runtime-Deadline-Ms", value, sizeof value)) - now_ms);
    put(",\"functionName\":\"%s\"", getenv("AWS_LAMBDA_FUNCTION_NAME"));
    put(",\"functionVersion\":\"%s\"", getenv("AWS_LAMBDA_FUNCTION_VERSION"));
    put(",\"memoryMb\":%s", getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
    put(",\"logGroup\":\"%s\"", getenv("AWS_LAMBDA_LOG_GROUP_NAME"));
    put(",\"logStream\":\"%s\"", getenv("AWS_LAMBDA_LOG_STREAM_NAME"));
    put(",\"clientContext\":%s", header("Lambda-Runtime-Client-Context", value, sizeof value) ? value : "null");
    put(",\"identity\":%s", header("Lambda-Runtime-Cognito-Identity", value, sizeof value) ? value : "null");
    put(",\"traceId\":\"%s\"}", header("Lambda-Runtime-Trace-Id", value, sizeof value));
}

static void environment(void) {
    for (char **entry = environ; *entry; entry++) {
        size_t name = strcspn(*entry, "=");
        put(entry == environ ? "{" : ",");
        put_string(*entry, name);
        put(":");
        put_string(*entry + name + 1, strlen(*entry + name + 1));
    }
    put("}");
}

static int write_file(const char *path, long megabytes) {
    static char block[1 << 20];
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0) return 0;
    int fine = 1;
    for (long i = 0; i < megabytes && fine; i++) fine = write(file, block, sizeof block) == sizeof block;
    close(file);
    return fine;
}

static void large(long bytes) {
    char *text = malloc((size_t)bytes);
    memset(text, 'x', (size_t)bytes);
    put_string(text, (size_t)bytes);
    free(text);
}

/* Whether it failed; what was written is then the error. */
static int handle(void) {
    static long counter;
    out_length = 0;
    if (asks("echo")) {
        put_bytes(after("value"), body_length - (size_t)(after("value") - body) - 1);
    } else if (asks("context")) {
        context();
    } else if (asks("environment")) {
        environment();
    } else if (asks("process")) {
        char directory[4096];
        put("{\"directory\":\"%s\",\"uid\":%d,\"gid\":%d,\"pid\":%d}", getcwd(directory, sizeof directory), getuid(),
            getgid(), getpid());
    } else if (asks("write")) {
        put(write_file(text_of("path"), number_of("megabytes")) ? "true" : "false");
    } else if (asks("exists")) {
        put(access(text_of("path"), F_OK) == 0 ? "true" : "false");
    } else if (asks("remove")) {
        unlink(text_of("path"));
        put("null");
    } else if (asks("count")) {
        put("%ld", ++counter);
    } else if (asks("say")) {
        char *text = text_of("text");
        printf("out: %s\n", text);
        fflush(stdout);
        fprintf(stderr, "err: %s\n", text);
        put("null");
    } else if (asks("exit")) {
        _exit((int)number_of("status"));
    } else if (asks("signal")) {
        kill(getpid(), SIGKILL);
    } else if (asks("sleep")) {
        usleep((useconds_t)number_of("ms") * 1000);
        put("\"%s\"", getenv("AWS_LAMBDA_LOG_STREAM_NAME"));
    } else if (asks("large")) {
        large(number_of("bytes"));
    } else {
        put("{\"errorMessage\":\"%s\",\"errorType\":\"Scenario.Failed\"}", text_of("message"));
        return 1;
    }
    return 0;
}

static void initialize(void) {
    const char *begin = getenv("SCENARIO_INIT");
    if (begin == NULL) return;
    if (strcmp(begin, "fail") == 0) {
        const char *error = "{\"errorMessage\":\"init failed\",\"errorType\":\"Scenario.InitFailed\"}";
        post("init/error", error, strlen(error));
        exit(1);
    }
    if (strcmp(begin, "exit") == 0) exit(3);
    if (strcmp(begin, "sleep") == 0) sleep(20);
    if (strcmp(begin, "say") == 0) {
        puts("said in init");
        fflush(stdout);
    }
}

int main(void) {
    dial();
    initialize();
    for (;;) {
        char id[128], path[256], request[256];
        int size = snprintf(request, sizeof request, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: %s\r\n\r\n", host);
        send_all(request, (size_t)size);
        receive();
        header("Lambda-Runtime-Aws-Request-Id", id, sizeof id);
        int failed = handle();
        snprintf(path, sizeof path, "invocation/%s/%s", id, failed ? "error" : "response");
        post(path, out, out_length);
    }
}
