import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

/** Takes files, by dropping or choosing. */
export function DropZone({
  id,
  label,
  multiple = false,
  onFiles
}: {
  readonly id: string
  readonly label: string
  readonly multiple?: boolean
  readonly onFiles: (files: readonly File[]) => unknown
}): JSX.Element {
  const [over, setOver] = useState(false)
  return (
    <div
      class={over ? 'drop over' : 'drop'}
      onDragOver={event => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={event => {
        event.preventDefault()
        setOver(false)
        onFiles([...(event.dataTransfer?.files ?? [])])
      }}
    >
      <label for={id}>{label}</label>
      <input
        id={id}
        type="file"
        multiple={multiple}
        onChange={event => {
          onFiles([...(event.currentTarget.files ?? [])])
          // The same file can be chosen again.
          event.currentTarget.value = ''
        }}
      />
    </div>
  )
}
