/* A transfer between two hosts under one virtual clock. Every frame crosses by hand, 5 ms later.
 * Build: cc example.c -ltwinpath-host */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <twinpath.h>

enum { FRAMES_MAX = 4096, BYTES = 1000000 };
static const int64_t delay_ns = 5000000;

static struct Frame {
  int64_t arrives_ns;
  int64_t length;
  unsigned char bytes[2048];
} wire[2][FRAMES_MAX]; /* wire[i]: towards host i */
static unsigned head[2], tail[2];
static TwinpathHost* hosts[2];

static TwinpathHost* make(const char* configuration) {
  char problems[500];
  TwinpathHost* host = twinpath_host_create(configuration, problems, sizeof problems);
  if (host == NULL) fputs(problems, stderr), exit(1);
  return host;
}

static void collect(int from) {
  TwinpathFrame about;
  struct Frame* frame = &wire[1 - from][tail[1 - from] % FRAMES_MAX];
  while ((frame->length = twinpath_take(hosts[from], &about, frame->bytes, 2048)) > 0) {
    frame->arrives_ns = about.time_ns + delay_ns;
    frame = &wire[1 - from][++tail[1 - from] % FRAMES_MAX];
  }
}

static void turn(void) { /* to the next thing that happens anywhere */
  int64_t next = TWINPATH_NEVER;
  for (int i = 0; i < 2; ++i) {
    int64_t own = twinpath_next_deadline(hosts[i]);
    if (head[i] != tail[i]) own = own < wire[i][head[i] % FRAMES_MAX].arrives_ns
                                      ? own : wire[i][head[i] % FRAMES_MAX].arrives_ns;
    if (own < next) next = own;
  }
  for (int i = 0; i < 2; ++i) {
    twinpath_advance(hosts[i], next);
    while (head[i] != tail[i] && wire[i][head[i] % FRAMES_MAX].arrives_ns <= next) {
      struct Frame* frame = &wire[i][head[i]++ % FRAMES_MAX];
      twinpath_inject(hosts[i], 0, frame->bytes, (size_t)frame->length);
    }
    collect(i);
  }
}

int main(void) {
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(80),
                               .sin_addr.s_addr = htonl(0xc6120002)}; /* 198.18.0.2 */
  static char data[BYTES];
  int64_t sent = 0, got = 0, piece;
  int listener, peer = -1, client;
  hosts[0] = make("interface eth0 address 198.18.0.1/24; seed 1");
  hosts[1] = make("interface eth0 mac 02:00:00:00:00:02 address 198.18.0.2/24; seed 2");
  listener = twinpath_socket(hosts[1], AF_INET, SOCK_STREAM, 0);
  twinpath_bind(hosts[1], listener, (struct sockaddr*)&server, sizeof server);
  twinpath_listen(hosts[1], listener, 1);
  client = twinpath_socket(hosts[0], AF_INET, SOCK_STREAM, 0);
  twinpath_connect(hosts[0], client, (struct sockaddr*)&server, sizeof server);
  for (collect(0); got < BYTES; turn()) {
    piece = twinpath_send(hosts[0], client, data + sent, (size_t)(BYTES - sent), 0);
    if (piece > 0) sent += piece;
    if (peer < 0) peer = twinpath_accept(hosts[1], listener, NULL, NULL, 0);
    while ((piece = twinpath_recv(hosts[1], peer, data, BYTES, 0)) > 0) got += piece;
    collect(0), collect(1);
  }
  printf("%d bytes in %.3f s\n", BYTES, (double)twinpath_now(hosts[1]) / 1e9);
  twinpath_host_destroy(hosts[0]);
  twinpath_host_destroy(hosts[1]);
  return 0;
}
