// Where people of the tenant may ask besides this page.
import { useState } from "preact/hooks";
import { type Column, SaveAsCsv, SortedTable } from "../figures/table";
import { confirm, Dialog } from "../common/dialog";
import { ErrorNote, toast } from "../common/note";
import { FormError, Select, Text, wrongWith } from "./form";
import { More, Panel, send, useAction, useList } from "./load";
import { sorting } from "./place";

interface Channel {
  channel_type: Kind;
  channel_id: string;
}
type Kind = "slack" | "teams" | "telegram";
const KINDS = [
  ["slack", "Slack"],
  ["teams", "Microsoft Teams"],
  ["telegram", "Telegram"],
] as const;
const nameOf = (kind: Kind) => KINDS.find(([name]) => name === kind)?.[1] ?? kind;

export function Channels() {
  const list = useList<Channel>("/api/admin/channels", "channels");
  const [isNew, setNew] = useState(false);
  const removing = useAction();
  const unmap = async (channel: Channel) => {
    removing.clear();
    const yes = await confirm({ title: `Stop answering on ${nameOf(channel.channel_type)}?`, text: `No one is answered in ${channel.channel_id} until it is connected again.`, action: "Disconnect" });
    if (!yes) return;
    await removing.run(async () => {
      await send("DELETE", `/api/admin/channels/${channel.channel_type}/${encodeURIComponent(channel.channel_id)}`);
      toast("Disconnected");
      list.reload();
    });
  };
  const columns: Column<Channel>[] = [
    { id: "kind", label: "Where", value: (channel) => nameOf(channel.channel_type) },
    { id: "id", label: "Its id", value: (channel) => channel.channel_id, show: (channel) => <code>{channel.channel_id}</code> },
    {
      id: "actions",
      label: "Actions",
      isActions: true,
      value: () => null,
      show: (channel) => (
        <button type="button" class="btn small danger" aria-label={`Disconnect ${channel.channel_id}`} disabled={removing.busy} onClick={() => void unmap(channel)}>
          Disconnect
        </button>
      ),
    },
  ];
  const tools = (
    <>
      <SaveAsCsv file="t3nets-channels.csv" columns={columns} rows={list.items} />
      <button type="button" class="btn small p" onClick={() => setNew(true)}>
        Connect a channel
      </button>
    </>
  );
  return (
    <>
      <Panel title="Channels" load={list} tools={tools}>
        {() => (
          <>
            {removing.error !== null && <ErrorNote error={removing.error} />}
            {list.items.length === 0 ? (
              <p class="none">None besides this page and the API. A channel belongs to one team only.</p>
            ) : (
              <SortedTable name="Channels" columns={columns} rows={list.items} keyOf={(channel) => `${channel.channel_type} ${channel.channel_id}`} {...sorting("sort", columns, { column: "kind", descending: false })} />
            )}
            <More list={list} />
          </>
        )}
      </Panel>
      {isNew && (
        <NewChannel
          onClose={() => setNew(false)}
          onDone={() => {
            setNew(false);
            toast("Connected");
            list.reload();
          }}
        />
      )}
    </>
  );
}

function NewChannel({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const [kind, setKind] = useState<Kind>("slack");
  const [id, setId] = useState("");
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    void action.run(async () => {
      await send("POST", "/api/admin/channels", { channel_type: kind, channel_id: id.trim() });
      onDone();
    });
  };
  return (
    <Dialog title="Connect a channel" onClose={onClose}>
      <form onSubmit={submit}>
        <Select label="Where" value={kind} options={KINDS} onChange={setKind} wrong={wrongWith(action.error, "channel_type")} />
        <Text label="Its id" value={id} onInput={setId} required hint={`What ${nameOf(kind)} calls it.`} wrong={wrongWith(action.error, "channel_id")} />
        <FormError error={action.error} fields={["channel_type", "channel_id"]} />
        <div class="buttons">
          <button type="submit" class="btn p" disabled={action.busy || !id.trim()}>
            Connect
          </button>
          <button type="button" class="btn" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
