import { fromHex, toHex, type Pin } from '@vitalchain/core'
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { pinOf } from '../../src/cli/trust.ts'
import { askBytes, Problem } from '../api.ts'
import { Badge, Card, FullHash, Notice } from '../parts/parts.tsx'
import { useToken } from '../session.ts'
import { DropZone } from './drop-zone.tsx'
import {
  isGenesis,
  judge,
  pinText,
  trustGenesis,
  type GivenTrust,
  type ProofFile
} from './judge.ts'
import { pastedBytes, readFile, reasonOf } from './read.ts'
import { VerdictCard } from './verdict-card.tsx'

type Network = Omit<GivenTrust, 'pin'>

/** Verifies proofs here, in the reader's browser: the node gives bytes and has no say in the verdict. */
export function VerifyPage({ id }: { readonly id: string | undefined }): JSX.Element {
  const [fromNode, setFromNode] = useState<Network>()
  const [own, setOwn] = useState<Network>()
  const [pin, setPin] = useState<Pin>()
  const [files, setFiles] = useState<readonly ProofFile[]>([])
  const [error, setError] = useState<string>()
  const [asking, setAsking] = useState(id !== undefined)
  const network = own ?? fromNode

  useEffect(() => {
    askBytes('/v1/genesis')
      .then(bytes => setFromNode(trustGenesis(bytes, 'node')))
      // Then the reader says what to trust.
      .catch(() => undefined)
  }, [])

  /** The node's own answer is what is judged, whatever else it says of it. */
  const fetchProof = async (wanted: string): Promise<void> => {
    setAsking(true)
    setError(undefined)
    try {
      const query = pin === undefined ? '' : `?pin=${pin.size}`
      const bytes = await askBytes(`/v1/receipts/${wanted}${query}`)
      setFiles([{ name: `receipt of ${wanted.slice(0, 8)}… from this node`, bytes, wanted }])
    } catch (problem) {
      setError(
        problem instanceof Problem
          ? `The node gives no receipt: ${problem.message} (${problem.code})`
          : reasonOf(problem)
      )
    } finally {
      setAsking(false)
    }
  }
  useEffect(() => {
    if (id !== undefined) void fetchProof(id)
  }, [id])

  const addFiles = async (chosen: readonly File[]): Promise<void> => {
    setError(undefined)
    try {
      const read = await Promise.all(
        chosen.map(async file => ({ name: file.name, bytes: await readFile(file) }))
      )
      const genesis = read.findLast(({ bytes }) => isGenesis(bytes))
      if (genesis !== undefined) setOwn(trustGenesis(genesis.bytes, 'file'))
      const proofs = read.filter(({ bytes }) => !isGenesis(bytes))
      if (proofs.length > 0) setFiles(proofs)
    } catch (failure) {
      setError(reasonOf(failure))
    }
  }

  return (
    <>
      <h1>Verify a proof</h1>
      <p>
        Everything is checked here, in your browser: every hash, every signature, and who had the
        right to sign. This node's word counts for nothing.
      </p>
      <div class="columns">
        <ProofInput
          busy={asking}
          onFiles={chosen => void addFiles(chosen)}
          onText={text => setFiles([{ name: 'what was pasted', bytes: pastedBytes(text) }])}
          onId={wanted => void fetchProof(wanted)}
        />
        <TrustInput
          network={network}
          pin={pin}
          onNetwork={setOwn}
          onPin={setPin}
          onFiles={chosen => void addFiles(chosen)}
        />
      </div>
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
      <div aria-live="polite">
        {network === undefined && files.length > 0 && (
          <Notice tone="warn">
            Say which network you trust: give its genesis document or its id.
          </Notice>
        )}
        {network !== undefined &&
          judge(files, { ...network, pin }).map((verdict, k) => (
            <VerdictCard key={`${verdict.name} ${k}`} verdict={verdict} source={network.source} />
          ))}
      </div>
      <p class="muted">
        The program that checks came from this node too. If you do not trust the node at all, open
        this page at another hospital, or use <code>vitalchain verify</code> on your own computer:
        both judge with the same code.
      </p>
    </>
  )
}

function ProofInput({
  busy,
  onFiles,
  onText,
  onId
}: {
  readonly busy: boolean
  readonly onFiles: (files: readonly File[]) => void
  readonly onText: (text: string) => void
  readonly onId: (id: string) => void
}): JSX.Element {
  const signedIn = useToken() !== undefined
  const [text, setText] = useState('')
  const trimmed = text.trim().toLowerCase()
  const isId = /^[0-9a-f]{64}$/.test(trimmed)
  return (
    <Card title="The proof">
      <DropZone
        id="proof-files"
        label="Choose files, or drop them here"
        multiple
        onFiles={onFiles}
      />
      <form
        onSubmit={event => {
          event.preventDefault()
          if (isId) onId(trimmed)
          else if (trimmed !== '') onText(text)
        }}
      >
        <label for="proof-text">
          Or paste a proof (JSON, a tlog-proof, a checkpoint, hexadecimal or base64), or the
          identity of a transaction
        </label>
        <textarea
          id="proof-text"
          rows={4}
          spellcheck={false}
          value={text}
          onInput={event => setText(event.currentTarget.value)}
        />
        {isId && !signedIn && (
          <Notice tone="warn">To fetch a receipt by its identity, sign in first.</Notice>
        )}
        <button type="submit" disabled={busy}>
          Verify
        </button>
      </form>
    </Card>
  )
}

function TrustInput({
  network,
  pin,
  onNetwork,
  onPin,
  onFiles
}: {
  readonly network: Network | undefined
  readonly pin: Pin | undefined
  readonly onNetwork: (network: Network | undefined) => void
  readonly onPin: (pin: Pin | undefined) => void
  readonly onFiles: (files: readonly File[]) => void
}): JSX.Element {
  const [id, setId] = useState('')
  const [pinLine, setPinLine] = useState('')
  const [error, setError] = useState<string>()

  const trustId = (): void => {
    const text = id.trim().toLowerCase()
    if (!/^[0-9a-f]{64}$/.test(text)) return setError('A network id is 64 hexadecimal digits.')
    setError(undefined)
    onNetwork({ source: 'id', network: fromHex(text), genesis: undefined, name: undefined })
  }
  const trustPin = (bytes: Uint8Array): void => {
    try {
      onPin(pinOf(bytes, network?.network))
      setError(undefined)
    } catch (failure) {
      setError(`No checkpoint: ${reasonOf(failure)}`)
    }
  }

  return (
    <Card title="What you trust">
      {network !== undefined && (
        <>
          <p>
            {network.source === 'node' ? (
              <Badge tone="warn">network as this node tells it</Badge>
            ) : (
              <Badge tone="ok">
                {network.source === 'file'
                  ? 'network of your genesis file'
                  : 'network id that you gave'}
              </Badge>
            )}{' '}
            {network.name}
          </p>
          <p>
            <FullHash hex={toHex(network.network)} />
          </p>
          {network.source === 'node' && (
            <Notice tone="warn">
              A node that lies could tell you of a network that does not exist. Compare this id with
              one that you have from another hospital or on paper, or give your own genesis
              document.
            </Notice>
          )}
        </>
      )}
      <DropZone id="genesis-file" label="Your genesis document" onFiles={onFiles} />
      <form
        onSubmit={event => {
          event.preventDefault()
          trustId()
        }}
      >
        <label for="network-id">Or the network id</label>
        <div class="row">
          <input
            id="network-id"
            value={id}
            spellcheck={false}
            autocomplete="off"
            onInput={event => setId(event.currentTarget.value)}
          />
          <button type="submit">Trust</button>
        </div>
      </form>
      <details>
        <summary>
          {pin === undefined ? 'A checkpoint that you trust (none)' : `Pinned: ${pinText(pin)}`}
        </summary>
        <p class="muted">
          With a checkpoint of your own, keys that were retired before it and stolen since cannot
          deceive you.
        </p>
        <DropZone
          id="pin-file"
          label="A checkpoint, or a proof that you verified before"
          onFiles={async ([file]) => {
            if (file !== undefined) trustPin(await readFile(file))
          }}
        />
        <form
          onSubmit={event => {
            event.preventDefault()
            trustPin(new TextEncoder().encode(pinLine.trim()))
          }}
        >
          <label for="pin-line">Or its size and root, such as "1200 5f3a…"</label>
          <div class="row">
            <input
              id="pin-line"
              value={pinLine}
              spellcheck={false}
              autocomplete="off"
              onInput={event => setPinLine(event.currentTarget.value)}
            />
            <button type="submit">Pin</button>
          </div>
        </form>
        {pin !== undefined && (
          <button type="button" class="small" onClick={() => onPin(undefined)}>
            Take the pin away
          </button>
        )}
      </details>
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
    </Card>
  )
}
