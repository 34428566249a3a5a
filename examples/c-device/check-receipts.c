/* Tells what the verifier of this example says about receipts: for tests, and for whoever ports it. Each line of stdin is the
   network id, the transaction that was sent and the receipt, in hexadecimal; each line of stdout is `valid <height>` or why not. */
#include "node.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES (2 * RECEIPT_MAX + 65536 * 2 + 256)

/* A word of hexadecimal in memory of its own, so that a tool such as AddressSanitizer sees each byte that is read behind it. */
static bytes take(const char *word) {
  size_t length = word == NULL ? 0 : strlen(word) / 2;
  uint8_t *memory = malloc(length + (length == 0));
  bytes taken = {memory, length};
  if (memory == NULL || (word != NULL && !hex_read(memory, length, word))) exit(2);
  return taken;
}

int main(void) {
  char *line = malloc(LINE_MAX_BYTES);
  if (line == NULL) return 2;
  while (fgets(line, LINE_MAX_BYTES, stdin) != NULL) {
    bytes network = take(strtok(line, " \n")), transaction = take(strtok(NULL, " \n")), receipt = take(strtok(NULL, " \n"));
    bytes shown;
    uint64_t height;
    if (network.length != HASH) return 2;
    const char *fault = receipt_fault(receipt, network.at, &shown, &height);
    if (fault == NULL && (shown.length != transaction.length || memcmp(shown.at, transaction.at, shown.length) != 0))
      fault = "it is for another transaction";
    if (fault == NULL) printf("valid %" PRIu64 "\n", height);
    else printf("%s\n", fault);
    free((void *)network.at);
    free((void *)transaction.at);
    free((void *)receipt.at);
  }
  free(line);
  return 0;
}
