// Made by `npm run client` from the description of the HTTP API. Not to be edited.
export interface paths {
  '/openapi.json': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** This description */
    get: operations['getOpenApi']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/status': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Where the node stands */
    get: operations['getStatus']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/genesis': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** The genesis document, whose SHA-256 is the network id */
    get: operations['getGenesis']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/blocks': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Headers of blocks in pages: upwards from a height, or downwards from the newest */
    get: operations['listBlocks']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/blocks/{height}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** A block with its transactions */
    get: operations['getBlock']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/headers': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Headers with their certificates, from a height on */
    get: operations['listHeaders']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/hand-overs': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** The changes of the validators above a height */
    get: operations['listHandOvers']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/consistency': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** The proof that the history of one size continues that of another */
    get: operations['getConsistency']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/checkpoint/keys': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** The keys of the validators of the newest checkpoint, one vkey a line */
    get: operations['getCheckpointKeys']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/transactions': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Committed transactions in order, in pages */
    get: operations['listTransactions']
    put?: never
    /**
     * Hands a transaction over; the same one may be handed over again
     * @description The body is the array [transaction, payload] in deterministic CBOR. With `Prefer: wait=10` (RFC 7240) the answer comes with the commit, and is the receipt for who may read it.
     */
    post: operations['submitTransaction']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/transactions/{id}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** A transaction by its identity, whether it waits or is committed */
    get: operations['getTransaction']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/challenges': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /** A challenge for a device to sign, good once and for a minute */
    post: operations['createChallenge']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/sessions': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /** A token for a device that signed a challenge */
    post: operations['openSession']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/device': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * One request of the device protocol
     * @description S-10 of the device protocol. What it refuses is an answer of the protocol, with status 200.
     */
    post: operations['askAsDevice']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/payloads/{digest}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** A payload as the device encrypted it */
    get: operations['getPayload']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/accounts/{member}/head': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** What a member's next call must name as its previous */
    get: operations['getAccountHead']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/devices/{id}/lanes/{lane}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** The newest committed place of a lane */
    get: operations['getLaneHead']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/receipts/{id}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** The receipt of a statement or call */
    get: operations['getReceipt']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/state-proofs/{key}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** What the state holds under a key, or that it holds nothing */
    get: operations['getStateProof']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/devices/{id}/lanes/{lane}/completeness': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** The proof that a device sent exactly these statements */
    get: operations['getCompleteness']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/diagnosis': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * What is wrong with the node and its network, and what to do
     * @description Why is it not committing? The worst finding comes first, and each says the next safe act. Takes some seconds while a member is missing: its addresses are tried.
     */
    get: operations['getDiagnosis']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/members': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** The members, and the changes of them that are open */
    get: operations['getMembers']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/members/preview': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /** What a change of the members would do; changes nothing */
    post: operations['previewChange']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/devices': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** A member's devices in pages; by default the own member's */
    get: operations['listDevices']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/devices/{id}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** A device, with the member that answers for it */
    get: operations['getDevice']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/checkpoint': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** The newest checkpoint with the cosignatures of a quorum */
    get: operations['getCheckpoint']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/tile/entries/{path}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** The transactions under a tile of level 0 */
    get: operations['getEntriesTile']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/tile/{level}/{path}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * A tile of the history tree
     * @description C2SP tlog-tiles. To readers and to any device.
     */
    get: operations['getTile']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/events': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Every committed transaction in order, then each new one
     * @description Begins behind `Last-Event-ID` or `from`. The same path takes WebSockets with the subprotocol `vitalchain.events.1`.
     */
    get: operations['streamEvents']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/figures': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** What this node committed in the last ten minutes, in spans of two seconds */
    get: operations['getFigures']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/members/reports': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** How each member's node is, as this node knows */
    get: operations['getMemberReports']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/devices/signs': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Devices that may have failed, lost something, or been tampered with
     * @description Looks through the newest 100 000 transactions, beginning when this is first asked; `upToDate` says whether that is done.
     */
    get: operations['getDeviceSigns']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/dashboard/codes': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /** Makes a code that opens one session of the dashboard */
    post: operations['createDashboardCode']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/dashboard/sessions': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /** Takes such a code, and gives a bearer token for it */
    post: operations['openDashboardSession']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/livez': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Whether the process answers */
    get: operations['getLive']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/readyz': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Whether clients should use this node
     * @description It runs, is not about to stop, reaches another member, has about the newest block, and can write.
     */
    get: operations['getReady']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/version': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Which software runs here */
    get: operations['getVersion']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
}
export type webhooks = Record<string, never>
export interface components {
  schemas: {
    /** @description What was refused, and why (RFC 9457). */
    Problem: {
      /** @description Names the kind of problem: `/errors#CODE`. */
      type: string
      title: string
      status: number
      /** @description For people; may change. */
      detail?: string
      /**
       * @description The stable code to test.
       * @enum {unknown}
       */
      code:
        | 'ERR_REQUEST'
        | 'ERR_ENCODING'
        | 'ERR_NOT_CANONICAL'
        | 'ERR_SCHEMA'
        | 'ERR_HEX'
        | 'ERR_CURSOR'
        | 'ERR_ALGORITHM_UNKNOWN'
        | 'ERR_KEY_INVALID'
        | 'ERR_PAYLOAD_MISSING'
        | 'ERR_PAYLOAD_UNEXPECTED'
        | 'ERR_PAYLOAD_DIGEST'
        | 'ERR_DIGEST'
        | 'ERR_UNAUTHORIZED'
        | 'ERR_HTTP_SIGNATURE'
        | 'ERR_FORBIDDEN'
        | 'ERR_SESSION'
        | 'ERR_SIGNATURE'
        | 'ERR_DEVICE_UNKNOWN'
        | 'ERR_DEVICE_REVOKED'
        | 'ERR_AUTHOR_UNKNOWN'
        | 'ERR_NOT_A_MEMBER'
        | 'ERR_NOT_THE_OWNER'
        | 'ERR_NOT_FOUND'
        | 'ERR_TREE_RANGE'
        | 'ERR_NO_CHECKPOINT'
        | 'ERR_NOT_COMMITTED'
        | 'ERR_ALREADY_COMMITTED'
        | 'ERR_PLACE_TAKEN'
        | 'ERR_PLACE_SKIPPED'
        | 'ERR_STATEMENT_CONFLICT'
        | 'ERR_CHAIN_QUARANTINED'
        | 'ERR_LEDGER_RESTORED'
        | 'ERR_CHAIN_AHEAD'
        | 'ERR_DEVICE_EXISTS'
        | 'ERR_DEVICE_KEY'
        | 'ERR_DEVICE_RETIRED'
        | 'ERR_CLAIM_EXISTS'
        | 'ERR_CLAIM_UNKNOWN'
        | 'ERR_CLAIM_EXPIRED'
        | 'ERR_CLAIM_MISMATCH'
        | 'ERR_KEY_PROOF'
        | 'ERR_STREAM'
        | 'ERR_NO_OFFER'
        | 'ERR_CHANGE_UNKNOWN'
        | 'ERR_UNKNOWN_MEMBER'
        | 'ERR_CHANGE_OPEN'
        | 'ERR_CHANGES_OPEN'
        | 'ERR_ALREADY_APPROVED'
        | 'ERR_PROTOCOL_ACTIVE'
        | 'ERR_PROTOCOL_HEIGHT'
        | 'ERR_NOT_APPROVED'
        | 'ERR_MEMBER_EXISTS'
        | 'ERR_NAME_TAKEN'
        | 'ERR_KEY_TAKEN'
        | 'ERR_EVIDENCE_KNOWN'
        | 'ERR_EVIDENCE_ENOUGH'
        | 'ERR_TOO_LARGE'
        | 'ERR_MEDIA_TYPE'
        | 'ERR_OTHER_NETWORK'
        | 'ERR_METHOD_UNKNOWN'
        | 'ERR_RETENTION'
        | 'ERR_NO_CONFLICT'
        | 'ERR_NOTHING_CHANGES'
        | 'ERR_TOO_MANY_MEMBERS'
        | 'ERR_TOO_FEW_MEMBERS'
        | 'ERR_FAULTS_FALL'
        | 'ERR_READY_HEIGHT'
        | 'ERR_READY_PROOF'
        | 'ERR_NOT_THE_KEY'
        | 'ERR_NO_EVIDENCE'
        | 'ERR_EVIDENCE_OLD'
        | 'ERR_EVIDENCE_AHEAD'
        | 'ERR_RATE'
        | 'ERR_QUOTA'
        | 'ERR_CHANGES_IN_BLOCK'
        | 'ERR_DAMAGED'
        | 'ERR_BUSY'
        | 'ERR_DRAINING'
        | 'ERR_NOT_READY'
        | 'ERR_NOT_STARTED'
        | 'ERR_INTERNAL'
      /** @description Whether the same request can succeed later without a change to it. */
      retryable: boolean
    }
    Transaction: {
      /** @description Of its block. */
      height: number
      /** @description Its position in the block. */
      index: number
      /** @description Its position in the history. */
      leaf: number
      /** @description Of the block, ms since 1970 */
      time: number
      /** @enum {unknown} */
      type: 'statement' | 'call' | 'conflict' | 'evidence'
      /** @description Its identity. */
      id: string
      /** @description Of a call: the member. */
      author?: string
      /** @description Of a call. */
      method?: string
      /** @description Of evidence. */
      kind?: string
      /** @description Of evidence: the index in the set of `faultHeight`. */
      validator?: number
      /** @description Of evidence. */
      faultHeight?: number
      /** @enum {unknown} */
      statement?: 'readings' | 'gap' | 'rotation' | 'stream'
      /** @description Of a statement or a conflict. */
      device?: string
      lane?: number
      /** @description Of the place. */
      boot?: number
      /** @description Of the place. */
      seq?: number
      /** @description Readings in a batch, or statements in a gap. */
      count?: number
      /** @description The first, or the last, reading by the device's clock, ms since 1970. */
      from?: number
      /** @description The first, or the last, reading by the device's clock, ms since 1970. */
      to?: number
      /** @description Flags of the batch. */
      flags?: number
      /**
       * @description Of a batch: a gateway signed for a sensor that cannot sign.
       * @enum {unknown}
       */
      attestedBy?: 'gateway'
      /** @description Of a gap: the place of the last dropped statement. */
      last?: {
        /** @description Of the place. */
        boot: number
        /** @description Of the place. */
        seq: number
      }
      /** @description Of a gap: 1 = the outbox was full. */
      reason?: number
      newKey?: {
        /** @enum {unknown} */
        algorithm: 'ed25519' | 'es256'
        /** @description The public key. */
        key: string
      }
      /** @description Whether a stream is bound from here on. */
      bound?: boolean
    }
  }
  responses: never
  parameters: never
  requestBodies: never
  headers: never
  pathItems: never
}
export type $defs = Record<string, never>
export interface operations {
  getOpenApi: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description OpenAPI 3.1 */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': Record<string, never>
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getStatus: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Where it stands now. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @description The network id. */
            network: string
            /** @description The own member; none for a node of no member. */
            name?: string
            /** @description The libp2p PeerId. */
            peer: string
            /** @description Of the newest block. */
            height: number
            /** @description The hash of the newest block. */
            head: string
            /** @description The root of the state after it. */
            stateRoot: string
            /** @description Committed since genesis. */
            transactions: number
            /** @description The view of the next height. */
            view: number
            /** @description The member that leads this view. */
            leader?: string
            links: string[]
            banned: string[]
            /** @description Transactions that wait for a block. */
            waiting: number
            /** @description Payloads still to be fetched; 64 stands for 64 or more. */
            payloadsMissing: number
            /** @description Devices connected by libp2p or WebSocket. */
            deviceSessions: number
            /** @description Whether this node votes. */
            votes: boolean
            /** @description Whether it is about to stop and takes nothing more. */
            draining: boolean
            /** @enum {unknown} */
            membership:
              | 'member'
              | 'waiting'
              | 'approved'
              | 'replaced'
              | 'removed'
              | 'refused'
              | 'follower'
            /** @description Size of the newest cosigned checkpoint; 0: none. */
            checkpoint: number
            /** @description A code, when something is wrong. */
            checkpointFault?: string
            restored?: {
              /** @enum {unknown} */
              state: 'following' | 'whole' | 'lost'
              /** @description The newest block of the backup. */
              height: number
              /** @description When the backup was made, ms since 1970 */
              taken: number
              /** @description When it was restored, ms since 1970 */
              restored: number
              /** @description The last block before the network went on by override. */
              resumedAt?: number
              /** @description Devices known to have more than the ledger holds. */
              devicesAhead: number
            }
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getGenesis: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The document. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/cbor': Uint8Array
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  listBlocks: {
    parameters: {
      query?: {
        /** @description upwards, from this height on */
        from?: number
        /** @description downwards, from the block before this height */
        before?: number
        /** @description at most 100, which is the default */
        limit?: number
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description A page. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            blocks: {
              /** @description 1 for the first block. */
              height: number
              /** @description Names the block. */
              hash: string
              /** @description Of the block before; the network id at height 1. */
              previous: string
              /** @description By the proposer's clock, ms since 1970 */
              time: number
              /** @description The view in which it was first built. */
              view: number
              proposer: {
                /** @description The member that first built it. */
                id: string
                name: string | null
              }
              /** @description How many it holds. */
              transactions: number
              /** @description Transactions since genesis, with these. */
              historySize: number
              /** @description The root of the history tree. */
              historyRoot: string
              /** @description The root of the state after it. */
              stateRoot: string
              /** @description Whether other validators certify the next block. */
              handOver: boolean
            }[]
            next: number | null
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getBlock: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description 1 for the first block. */
        height: number
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description What it says, or as CBOR the block as it was decided. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @description 1 for the first block. */
            height: number
            /** @description Names the block. */
            hash: string
            /** @description Of the block before; the network id at height 1. */
            previous: string
            /** @description By the proposer's clock, ms since 1970 */
            time: number
            /** @description The view in which it was first built. */
            view: number
            proposer: {
              /** @description The member that first built it. */
              id: string
              name: string | null
            }
            transactions: components['schemas']['Transaction'][]
            /** @description Transactions since genesis, with these. */
            historySize: number
            /** @description The root of the history tree. */
            historyRoot: string
            /** @description The root of the state after it. */
            stateRoot: string
            /** @description Whether other validators certify the next block. */
            handOver: boolean
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  listHeaders: {
    parameters: {
      query: {
        /** @description the first height */
        from: number
        /** @description at most 256, which is the default */
        limit?: number
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description A page; F-26. Empty above the newest. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/cbor': Uint8Array
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  listHandOvers: {
    parameters: {
      query?: {
        /** @description the last height that is known */
        after?: number
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description At most 64; F-27. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/cbor': Uint8Array
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getConsistency: {
    parameters: {
      query: {
        /** @description the smaller size */
        from: number
        /** @description the larger size */
        to: number
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The proof. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/cbor': Uint8Array
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getCheckpointKeys: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description As generic tools of transparency logs take them. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/plain': string
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  listTransactions: {
    parameters: {
      query?: {
        /** @description The place of a transaction: `height.index`; `0.0` stands before the first. */
        from?: string
        /** @description at most 500, which is the default */
        limit?: number
        /** @description Types of transactions or of statements, with commas between. */
        kind?: string
        /** @description Only what concerns this device. */
        device?: string
        /** @description Only calls of this member, and what concerns devices that it answered for then. */
        member?: string
        /** @description Only readings of this stream, and its binding. */
        stream?: string
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description A page. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            transactions: components['schemas']['Transaction'][]
            /** @description The place of a transaction: `height.index`; `0.0` stands before the first. */
            next: string
            /** @description Whether there is something behind `next` now. */
            more: boolean
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  submitTransaction: {
    parameters: {
      query?: never
      header?: {
        /** @description `wait=` and seconds, of which 20 count. */
        prefer?: string
      }
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/cbor': Uint8Array
      }
    }
    responses: {
      /** @description It is committed, with `Prefer: wait`. */
      200: {
        headers: {
          /** @description How long it would have waited: `wait=10`. */
          'preference-applied'?: string
          [name: string]: unknown
        }
        content: {
          'application/json':
            | {
                /** @description The identity. */
                id: string
                /** @enum {string} */
                status: 'committed'
              }
            | Record<string, never>
        }
      }
      /** @description It was checked and passed on. That is no promise: the receipt is. */
      202: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @description The identity to ask for. */
            id: string
            /** @enum {string} */
            status: 'accepted'
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getTransaction: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The identity. */
        id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description What it says, or the committed bytes themselves as CBOR. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json':
            | {
                /** @enum {string} */
                status: 'committed'
                /** @description Of its block. */
                height: number
                /** @description Its position in the block. */
                index: number
                /** @description Its position in the history. */
                leaf: number
                /** @description Of the block, ms since 1970 */
                time: number
                /** @enum {unknown} */
                type: 'statement' | 'call' | 'conflict' | 'evidence'
                /** @description Its identity. */
                id: string
                /** @description Of a call: the member. */
                author?: string
                /** @description Of a call. */
                method?: string
                /** @description Of evidence. */
                kind?: string
                /** @description Of evidence: the index in the set of `faultHeight`. */
                validator?: number
                /** @description Of evidence. */
                faultHeight?: number
                /** @enum {unknown} */
                statement?: 'readings' | 'gap' | 'rotation' | 'stream'
                /** @description Of a statement or a conflict. */
                device?: string
                lane?: number
                /** @description Of the place. */
                boot?: number
                /** @description Of the place. */
                seq?: number
                /** @description Readings in a batch, or statements in a gap. */
                count?: number
                /** @description The first, or the last, reading by the device's clock, ms since 1970. */
                from?: number
                /** @description The first, or the last, reading by the device's clock, ms since 1970. */
                to?: number
                /** @description Flags of the batch. */
                flags?: number
                /**
                 * @description Of a batch: a gateway signed for a sensor that cannot sign.
                 * @enum {unknown}
                 */
                attestedBy?: 'gateway'
                /** @description Of a gap: the place of the last dropped statement. */
                last?: {
                  /** @description Of the place. */
                  boot: number
                  /** @description Of the place. */
                  seq: number
                }
                /** @description Of a gap: 1 = the outbox was full. */
                reason?: number
                newKey?: {
                  /** @enum {unknown} */
                  algorithm: 'ed25519' | 'es256'
                  /** @description The public key. */
                  key: string
                }
                /** @description Whether a stream is bound from here on. */
                bound?: boolean
              }
            | {
                /** @enum {string} */
                status: 'waiting'
                /** @enum {unknown} */
                type: 'statement' | 'call' | 'conflict' | 'evidence'
                /** @description Its identity. */
                id: string
                /** @description Of a call: the member. */
                author?: string
                /** @description Of a call. */
                method?: string
                /** @description Of evidence. */
                kind?: string
                /** @description Of evidence: the index in the set of `faultHeight`. */
                validator?: number
                /** @description Of evidence. */
                faultHeight?: number
                /** @enum {unknown} */
                statement?: 'readings' | 'gap' | 'rotation' | 'stream'
                /** @description Of a statement or a conflict. */
                device?: string
                lane?: number
                /** @description Of the place. */
                boot?: number
                /** @description Of the place. */
                seq?: number
                /** @description Readings in a batch, or statements in a gap. */
                count?: number
                /** @description The first, or the last, reading by the device's clock, ms since 1970. */
                from?: number
                /** @description The first, or the last, reading by the device's clock, ms since 1970. */
                to?: number
                /** @description Flags of the batch. */
                flags?: number
                /**
                 * @description Of a batch: a gateway signed for a sensor that cannot sign.
                 * @enum {unknown}
                 */
                attestedBy?: 'gateway'
                /** @description Of a gap: the place of the last dropped statement. */
                last?: {
                  /** @description Of the place. */
                  boot: number
                  /** @description Of the place. */
                  seq: number
                }
                /** @description Of a gap: 1 = the outbox was full. */
                reason?: number
                newKey?: {
                  /** @enum {unknown} */
                  algorithm: 'ed25519' | 'es256'
                  /** @description The public key. */
                  key: string
                }
                /** @description Whether a stream is bound from here on. */
                bound?: boolean
              }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  createChallenge: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description What the device signs. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @description To be signed. */
            challenge: string
            /** @description The node's transport key. */
            node: string
            /** @description The network id. */
            network: string
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  openSession: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/cose': Uint8Array
      }
    }
    responses: {
      /** @description The token. */
      201: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            token: string
            /** @description How long it is good, ms. */
            expiresInMs: number
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  askAsDevice: {
    parameters: {
      query?: {
        /** @description how long a question for a receipt waits, s; at most 20 */
        wait?: number
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/cbor': Uint8Array
      }
    }
    responses: {
      /** @description The answer of the protocol. */
      200: {
        headers: {
          /** @description The token that later requests show; on the answer to a session. */
          'vitalchain-session'?: string
          [name: string]: unknown
        }
        content: {
          'application/cbor': Uint8Array
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getPayload: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description SHA-256 of the payload. */
        digest: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Its bytes. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/octet-stream': Uint8Array
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getAccountHead: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The member's identifier. */
        member: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The identity of its newest call. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @description 32 zero bytes before the first. */
            head: string
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getLaneHead: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The device's identifier. */
        id: string
        /** @description 0: readings, 1: urgent. */
        lane: '0' | '1'
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The place. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @description The boot. */
            boot: number
            /** @description The number. */
            seq: number
            /** @description The identity of the statement there. */
            head: string
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getReceipt: {
    parameters: {
      query?: {
        /** @description The form; by default the one that `Accept` likes best, or cbor. */
        form?: 'cbor' | 'json' | 'tlog-proof' | 'cose'
        /** @description the size of a checkpoint that the verifier trusts */
        pin?: number
        /** @description Against the newest block in any case. */
        renew?: '1'
        /** @description Of the form cose: whose. */
        member?: string
      }
      header?: never
      path: {
        /** @description The identity. */
        id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The receipt. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': Record<string, never>
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getStateProof: {
    parameters: {
      query?: {
        /** @description the size of a checkpoint that the verifier trusts */
        pin?: number
      }
      header?: never
      path: {
        /** @description The key; F-17. */
        key: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The proof. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/cbor': Uint8Array
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getCompleteness: {
    parameters: {
      query?: {
        /** @description A place in a lane, boot and number: `3.17`. */
        from?: string
        /** @description A place in a lane, boot and number: `3.17`. */
        to?: string
        /** @description the size of a checkpoint that the verifier trusts */
        pin?: number
      }
      header?: never
      path: {
        /** @description The device's identifier. */
        id: string
        /** @description 0: readings, 1: urgent. */
        lane: '0' | '1'
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The proof. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/cbor': Uint8Array
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getDiagnosis: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description What was found. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @description When it was made, ms since 1970 */
            at: number
            /** @description Whether nobody has to act. */
            healthy: boolean
            /** @description The most important thing in one sentence. */
            summary: string
            findings: {
              /** @description A stable name; `docs/guides/troubleshooting.md` lists them. */
              code: string
              /**
               * @description A note alone is no reason to act.
               * @enum {unknown}
               */
              severity: 'critical' | 'warning' | 'note'
              /** @description What it is about: a member, an address or a path. */
              subject?: string
              /** @description What is wrong, for people. */
              text: string
              /** @description The next act, which makes nothing worse. */
              act: string
            }[]
            members: {
              /** @description Its id. */
              member: string
              name: string
              /** @description Whether it is this node. */
              self: boolean
              /** @description Whether it may vote. */
              validator: boolean
              linked: boolean
              /** @description Of its newest block. */
              height?: number
              /** @description Its view of the height above. */
              view?: number
              /** @description The highest protocol version that it knows. */
              version?: number
              /** @description How far its clock is ahead of this node's, ms. */
              clockSkewMs?: number
              /** @description Last measured, ms. */
              roundTripMs?: number
              /** @description How long ago it was heard last, ms. */
              heardMs?: number
              /** @description Whether it is kept out for a while. */
              banned: boolean
            }[]
            quorum: {
              /** @description How many there are. */
              validators: number
              /** @description How many must vote for a block. */
              needed: number
              /** @description How many this node can count on, itself included. */
              reachable: number
            }
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getMembers: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description As this node's ledger has them. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @description The network id. */
            network: string
            /** @description Of the newest block. */
            height: number
            /** @description How many vote. */
            validators: number
            /** @description How many may be faulty. */
            faults: number
            /** @description Votes that decide. */
            quorum: number
            /** @enum {unknown} */
            membership:
              | 'member'
              | 'waiting'
              | 'approved'
              | 'replaced'
              | 'removed'
              | 'refused'
              | 'follower'
            members: {
              /** @description Its identifier. */
              id: string
              name: string
              operatorKey: {
                /** @enum {unknown} */
                algorithm: 'ed25519' | 'es256'
                /** @description The public key. */
                key: string
              }
              /** @description Signs votes. */
              consensusKey: string
              /** @description Signs checkpoints. */
              checkpointKey: string
              /** @description Is its PeerId. */
              transportKey: string
              /** @description Whether it is this node's. */
              self: boolean
              /** @description Whether this node has a link with it now. */
              linked: boolean
              /** @description Proofs of broken rules against it. */
              evidence: number
              /** @description How often it voted again without its vote state. */
              overrides: number
            }[]
            changes: {
              /** @description Its identifier. */
              id: string
              /** @enum {unknown} */
              type: 'add' | 'remove' | 'replace'
              /** @description Whom it is about. */
              member: string
              name: string
              keys?: {
                operatorKey: {
                  /** @enum {unknown} */
                  algorithm: 'ed25519' | 'es256'
                  /** @description The public key. */
                  key: string
                }
                /** @description Signs votes. */
                consensusKey: string
                /** @description Signs checkpoints. */
                checkpointKey: string
                /** @description Is its PeerId. */
                transportKey: string
              }
              forced: boolean
              proposer: string
              approvals: string[]
              /** @description Approvals that decide. */
              needed: number
              /** @enum {unknown} */
              status: 'proposed' | 'approved'
              /** @description The block that it was proposed in. */
              proposedHeight: number
              /** @description When it is void, ms since 1970 */
              expires: number
              /** @description What it would do if it took effect now. */
              preview: {
                before: {
                  /** @description How many vote. */
                  validators: number
                  /** @description Votes that decide. */
                  quorum: number
                  /** @description How many may be faulty. */
                  faults: number
                }
                after: {
                  /** @description How many vote. */
                  validators: number
                  /** @description Votes that decide. */
                  quorum: number
                  /** @description How many may be faulty. */
                  faults: number
                }
                refusals: {
                  code: string
                  message: string
                  forcible: boolean
                }[]
                warnings: {
                  code: string
                  message: string
                }[]
              }
            }[]
            protocol: {
              /** @description That of the newest block. */
              version: number
              next?: {
                /** @description The protocol version. */
                version: number
                /** @description The first block that follows it. */
                height: number
              }
              votes: {
                member: string
                /** @description The protocol version. */
                version: number
                /** @description The first block that follows it. */
                height: number
              }[]
            }
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  previewChange: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/cbor': Uint8Array
      }
    }
    responses: {
      /** @description What it would do. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            before: {
              /** @description How many vote. */
              validators: number
              /** @description Votes that decide. */
              quorum: number
              /** @description How many may be faulty. */
              faults: number
            }
            after: {
              /** @description How many vote. */
              validators: number
              /** @description Votes that decide. */
              quorum: number
              /** @description How many may be faulty. */
              faults: number
            }
            refusals: {
              code: string
              message: string
              forcible: boolean
            }[]
            warnings: {
              code: string
              message: string
            }[]
            reachable: string[]
            away: string[]
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  listDevices: {
    parameters: {
      query?: {
        /** @description the `next` of the page before */
        from?: number
        /** @description Whose. */
        member?: string
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description At most 250. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            devices: {
              /** @description Its identifier. */
              id: string
              model: string
              firmware: string | null
              metrics: string[]
              key: {
                /** @enum {unknown} */
                algorithm: 'ed25519' | 'es256'
                /** @description The public key. */
                key: string
              }
              claim: string | null
              /** @description The block of its registration. */
              registeredHeight: number
              revokedHeight: number | null
              retired: {
                /** @description The block. */
                height: number
                /** @description The last boot. */
                boot: number
              } | null
              offer: {
                /** @description The member. */
                to: string
                /** @description From which boot. */
                boot: number
              } | null
              /** @description The first boot of the owner. */
              ownerFromBoot: number
              lanes: {
                lane: number
                /** @description Of the newest place. */
                boot: number
                /** @description Of the newest place. */
                seq: number
                /** @description The key that signs next. */
                key: string
                quarantinedHeight: number | null
                last: {
                  /** @description Of its block. */
                  height: number
                  /** @description Of its block, ms since 1970 */
                  time: number
                  to: number | null
                  clock: {
                    /** @description Network time minus device time, ms. */
                    offset: number
                    /** @description How wrong that may be, ms. */
                    uncertainty: number
                  } | null
                } | null
                stream?: string | null
              }[]
            }[]
            next: number | null
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getDevice: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description Its identifier. */
        id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description As the newest block has it. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @description Its identifier. */
            id: string
            model: string
            firmware: string | null
            metrics: string[]
            key: {
              /** @enum {unknown} */
              algorithm: 'ed25519' | 'es256'
              /** @description The public key. */
              key: string
            }
            claim: string | null
            /** @description The block of its registration. */
            registeredHeight: number
            revokedHeight: number | null
            retired: {
              /** @description The block. */
              height: number
              /** @description The last boot. */
              boot: number
            } | null
            offer: {
              /** @description The member. */
              to: string
              /** @description From which boot. */
              boot: number
            } | null
            /** @description The first boot of the owner. */
            ownerFromBoot: number
            lanes: {
              lane: number
              /** @description Of the newest place. */
              boot: number
              /** @description Of the newest place. */
              seq: number
              /** @description The key that signs next. */
              key: string
              quarantinedHeight: number | null
              last: {
                /** @description Of its block. */
                height: number
                /** @description Of its block, ms since 1970 */
                time: number
                to: number | null
                clock: {
                  /** @description Network time minus device time, ms. */
                  offset: number
                  /** @description How wrong that may be, ms. */
                  uncertainty: number
                } | null
              } | null
              stream?: string | null
            }[]
            /** @description The member that answers for it. */
            owner: string
            ownerName: string | null
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getCheckpoint: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description A C2SP checkpoint. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/plain': string
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getEntriesTile: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The index in groups of three digits, all but the last with an `x` in front; with `.p/W` for a partial one. */
        path: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Each behind its length (2 bytes). */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/octet-stream': Uint8Array
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getTile: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The level. */
        level: string
        /** @description The index in groups of three digits, all but the last with an `x` in front; with `.p/W` for a partial one. */
        path: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Hashes; may be cached for ever. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/octet-stream': Uint8Array
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  streamEvents: {
    parameters: {
      query?: {
        /** @description The last event that was dealt with; `latest` for only those to come. */
        from?: string
        /** @description Types of transactions or of statements, with commas between. */
        kind?: string
        /** @description Only what concerns this device. */
        device?: string
        /** @description Only calls of this member, and what concerns devices that it answered for then. */
        member?: string
        /** @description Only readings of this stream, and its binding. */
        stream?: string
      }
      header?: {
        /** @description The place of a transaction: `height.index`; `0.0` stands before the first. */
        'last-event-id'?: string
      }
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The stream. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/event-stream': string
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getFigures: {
    parameters: {
      query?: {
        /** @description Only spans that began then or later, ms since 1970 */
        since?: number
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The figures. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @description This node's clock, ms since 1970 */
            now: number
            /** @description How long each figure stands for, ms */
            everyMs: number
            /** @description Spans that are over and in which a block was committed, oldest first. */
            figures: {
              /** @description When it began, ms since 1970 */
              at: number
              /** @description Blocks that became durable here. */
              blocks: number
              /** @description Transactions in them. */
              transactions: number
              /** @description Readings in those. */
              readings: number
              latency: {
                /** @description The middle, ms */
                p50: number
                /** @description What 99 of 100 do not exceed, ms */
                p99: number
              } | null
            }[]
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getMemberReports: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description By each member's own word on its authenticated link, and by measuring. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            members: {
              /** @description Its identifier. */
              member: string
              name: string
              /** @description Whether it is this node. */
              self: boolean
              /** @description Whether it may vote at the next height. */
              validator: boolean
              /** @description Whether the link to it is up. */
              linked: boolean
              /** @description Of its newest block. */
              height?: number
              /** @description The view of the height above. */
              view?: number
              /** @description The highest protocol version that it knows. */
              version?: number
              /** @description How far its clock is ahead of this node's, ms */
              clockSkewMs?: number
              /** @description The last measured round trip, ms */
              roundTripMs?: number
              /** @description How long ago its last status came, ms */
              heardMs?: number
              /** @description Whether it is kept out for a while. */
              banned: boolean
            }[]
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getDeviceSigns: {
    parameters: {
      query?: {
        /** @description Only this device. */
        device?: string
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description What was found. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @description The first height that was looked at. */
            fromHeight: number
            /** @description The last height that was looked at. */
            toHeight: number
            /** @description Whether that is the newest. */
            upToDate: boolean
            devices: {
              /** @description Its identifier. */
              device: string
              counts: {
                /** @description How often: gap. */
                gap: number
                /** @description How often: history-lost. */
                'history-lost': number
                /** @description How often: conflict. */
                conflict: number
                /** @description How often: key-change. */
                'key-change': number
                /** @description How often: date-jump. */
                'date-jump': number
              }
              newest: {
                /** @enum {unknown} */
                kind: 'gap' | 'history-lost' | 'conflict' | 'key-change' | 'date-jump'
                /** @description Which transaction shows it. */
                transaction: string
                /** @description Of its block. */
                height: number
                /** @description The time of its block, ms since 1970 */
                time: number
                /** @description Readings that a gap stands for, or by how many ms dates jumped. */
                size: number
              }[]
            }[]
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  createDashboardCode: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': {
          /**
           * @description What the session opens.
           * @enum {unknown}
           */
          role: 'operator' | 'reader' | 'monitor'
        }
      }
    }
    responses: {
      /** @description It is told this once, and good once. */
      201: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            code: string
            /** @enum {unknown} */
            role: 'operator' | 'reader' | 'monitor'
            /** @description How long it is good. */
            expiresInMs: number
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  openDashboardSession: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': {
          /** @description A code that was not used yet. */
          code: string
        }
      }
    }
    responses: {
      /** @description The token ends by itself, and with the process. */
      201: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            token: string
            /** @enum {unknown} */
            role: 'operator' | 'reader' | 'monitor'
            /** @description How long it is good. */
            expiresInMs: number
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getLive: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description It does. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @enum {string} */
            status: 'ok'
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getReady: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description They should. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @enum {string} */
            status: 'ok'
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getVersion: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Its version. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @enum {string} */
            name: 'vitalchain'
            /** @description Of the package `@vitalchain/node`. */
            version: string
            /** @description Of Node.js. */
            runtime: string
          }
        }
      }
      /** @description What was refused, and why. */
      default: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
}
