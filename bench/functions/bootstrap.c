/* A runtime in C: the Runtime API over one socket that is kept, the same answer to every event. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGEST (8 << 20)

static char message[LARGEST];

static int dial(const char *address) {
    char host[64];
    int port = 0;
    if (sscanf(address, "%63[^:]:%d", host, &port) != 2) exit(2);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1) exit(3);
    int connection = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (connection < 0 || connect(connection, (struct sockaddr *)&to, sizeof to) != 0) exit(4);
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connection;
}

static void send_all(int connection, const char *text, size_t length) {
    while (length > 0) {
        ssize_t sent = send(connection, text, length, MSG_NOSIGNAL);
        if (sent <= 0) exit(5);
        text += sent;
        length -= (size_t)sent;
    }
}

/* The value of a header in `message`, which ends at the line's end; NULL if there is none. */
static const char *header(const char *name) {
    size_t length = strlen(name);
    for (char *line = strstr(message, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') return line + length + 1 + strspn(line + length + 1, " ");
    }
    return NULL;
}

static void receive(int connection) {
    size_t length = 0, wanted = LARGEST;
    while (length < wanted) {
        ssize_t got = recv(connection, message + length, LARGEST - 1 - length, 0);
        if (got <= 0) exit(6);
        length += (size_t)got;
        message[length] = 0;
        char *end = strstr(message, "\r\n\r\n");
        if (end != NULL) {
            const char *value = header("Content-Length");
            wanted = (size_t)(end + 4 - message) + (value == NULL ? 0 : strtoul(value, NULL, 10));
        }
    }
}

int main(void) {
    const char *address = getenv("AWS_LAMBDA_RUNTIME_API"), *answer = "{\"hello\":\"world\"}";
    if (address == NULL) return 1;
    int connection = dial(address);
    char next[256], response[512], id[64];
    int next_length = snprintf(next, sizeof next, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: %s\r\n\r\n", address);
    for (;;) {
        send_all(connection, next, (size_t)next_length);
        receive(connection);
        const char *value = header("Lambda-Runtime-Aws-Request-Id");
        if (value == NULL || sscanf(value, "%63[0-9a-f-]", id) != 1) return 7;
        int length = snprintf(response, sizeof response,
                              "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: %s\r\n"
                              "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                              id, address, strlen(answer), answer);
        send_all(connection, response, (size_t)length);
        receive(connection);
    }
}
