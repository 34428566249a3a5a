/* Verifies receipts (docs/spec/formats.md, F-16 and F-21) offline, with nothing but the network id. */
#ifndef VITALCHAIN_RECEIPT_H
#define VITALCHAIN_RECEIPT_H

#include "crypto.h"

/* A receipt has at most 4 MiB - 64 KiB: F-15. */
#define RECEIPT_MAX (4 * 1024 * 1024 - 64 * 1024)

/* NULL when the receipt proves that the transaction that it shows is on the ledger of this network, by the block of `height`;
   otherwise why it does not. Whether it is the right transaction, and whose signature it bears, is the caller's to see: a
   device compares it with the bytes that it signed. */
const char *receipt_fault(bytes receipt, const uint8_t network[HASH], bytes *transaction, uint64_t *height);

#endif
