/* A transfer between two hosts under one virtual clock: every frame crosses by hand, 5 ms later. */
#include <arpa/inet.h>
#include <stdio.h>
#include <twinpath.h>

enum { FRAMES = 4096, FRAME_BYTES = 1600, BYTES = 1000000, DELAY_NS = 5000000 };
static TwinpathHost* hosts[2];
static struct Frame { int64_t due_ns, length; char bytes[FRAME_BYTES]; } wires[2][FRAMES];
static unsigned put[2], taken[2]; /* wires[i], which leads to hosts[i], holds those in between */

static struct Frame* first(int i) {
  return taken[i] == put[i] ? NULL : &wires[i][taken[i] % FRAMES];
}

static void collect(int from) { /* what a host has sent goes onto the wire to the other */
  TwinpathFrame about;
  for (int to = !from;; ++put[to]) {
    struct Frame* frame = &wires[to][put[to] % FRAMES];
    frame->length = twinpath_take(hosts[from], &about, frame->bytes, FRAME_BYTES);
    if (frame->length <= 0) return;
    frame->due_ns = about.time_ns + DELAY_NS;
  }
}

static void step(void) { /* both clocks move to whatever happens next, anywhere */
  int64_t next = TWINPATH_NEVER;
  for (int i = 0; i < 2; ++i) {
    int64_t deadline = twinpath_next_deadline(hosts[i]);
    if (deadline < next) next = deadline;
    if (first(i) && first(i)->due_ns < next) next = first(i)->due_ns;
  }
  for (int i = 0; i < 2; ++i) {
    twinpath_advance(hosts[i], next);
    for (struct Frame* frame; (frame = first(i)) && frame->due_ns <= next; ++taken[i])
      twinpath_inject(hosts[i], 0, frame->bytes, frame->length);
  }
}

int main(void) {
  const char* made_of[] = {"interface eth0 mac 02:00:00:00:00:01 address 198.18.0.1/24; seed 1",
                           "interface eth0 mac 02:00:00:00:00:02 address 198.18.0.2/24; seed 2"};
  static char problems[500], data[BYTES], arrived[BYTES];
  for (int i = 0; i < 2; ++i) {
    hosts[i] = twinpath_host_create(made_of[i], problems, sizeof problems);
    if (hosts[i] == NULL) return fputs(problems, stderr), 1;
  }
  struct sockaddr_in at = {AF_INET, htons(80), {inet_addr("198.18.0.2")}, {0}};
  int listener = twinpath_socket(hosts[1], AF_INET, SOCK_STREAM, 0), accepted = -1;
  int client = twinpath_socket(hosts[0], AF_INET, SOCK_STREAM, 0);
  twinpath_bind(hosts[1], listener, (struct sockaddr*)&at, sizeof at);
  twinpath_listen(hosts[1], listener, 1);
  twinpath_connect(hosts[0], client, (struct sockaddr*)&at, sizeof at);
  for (int64_t sent = 0, got = 0, piece; got < BYTES; collect(0), collect(1), step()) {
    if ((piece = twinpath_send(hosts[0], client, data + sent, BYTES - sent, 0)) > 0) sent += piece;
    if (accepted < 0) accepted = twinpath_accept(hosts[1], listener, NULL, NULL, 0);
    while ((piece = twinpath_recv(hosts[1], accepted, arrived, BYTES, 0)) > 0) got += piece;
  }
  printf("%d bytes in %.3f s\n", BYTES, twinpath_now(hosts[1]) / 1e9);
  for (int i = 0; i < 2; ++i) twinpath_host_destroy(hosts[i]);
}
