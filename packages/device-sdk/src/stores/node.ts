export { fileOutbox } from './file-outbox.ts'
export { OUTBOX_FILE_BYTES } from './outbox-files.ts'
