// Where people of the tenant may ask besides this page.
import { useState } from "preact/hooks";
import { type Column, SaveAsCsv, SortedTable } from "../figures/table";
import { useAction } from "../common/action";
import { confirm, Dialog } from "../common/dialog";
import { toast } from "../common/note";
import { ActionForm, Select, Text, wrongWith } from "./form";
import { More, Panel, send, useList } from "./load";
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

/** The channels that the router answers on; one that does not tell has none besides page and API. */
export const servedIn = (value: unknown): readonly string[] => (value as { served?: string[] } | undefined)?.served ?? [];

const listed = new Intl.ListFormat("en-GB", { type: "conjunction" });

export function Channels() {
  const list = useList<Channel>("/api/admin/channels", "channels");
  const [isNew, setNew] = useState(false);
  const served = servedIn(list.value);
  const kinds = KINDS.filter(([kind]) => served.includes(kind));
  const others = KINDS.filter(([kind]) => !served.includes(kind)).map(([, name]) => name);
  const unmap = (channel: Channel) =>
    confirm({
      title: `Stop answering on ${nameOf(channel.channel_type)}?`,
      text: `No one is answered in ${channel.channel_id} until it is connected again.`,
      action: "Disconnect",
      run: async () => {
        await send("DELETE", `/api/admin/channels/${channel.channel_type}/${encodeURIComponent(channel.channel_id)}`);
        toast("Disconnected");
        list.reload();
      },
    });
  const columns: Column<Channel>[] = [
    { id: "kind", label: "Channel", value: (channel) => nameOf(channel.channel_type) },
    { id: "id", label: "Its ID", value: (channel) => channel.channel_id, show: (channel) => <code class="cut" title={channel.channel_id}>{channel.channel_id}</code> },
    {
      id: "actions",
      label: "Actions",
      isActions: true,
      value: () => null,
      show: (channel) => (
        <button type="button" class="btn small danger" aria-label={`Disconnect ${channel.channel_id}`} onClick={() => void unmap(channel)}>
          Disconnect
        </button>
      ),
    },
  ];
  const tools = (
    <>
      {list.items.length > 0 && <SaveAsCsv file="t3nets-channels" columns={columns} rows={list.items} />}
      {kinds.length > 0 && (
        <button type="button" class="btn small p" onClick={() => setNew(true)}>
          Connect a channel
        </button>
      )}
    </>
  );
  return (
    <>
      <Panel title="Channels" load={list} tools={tools}>
        {() => (
          <>
            <p class="none">
              T3nets answers on this web page and through the API{kinds.length > 0 && `, and on ${listed.format(kinds.map(([, name]) => name))} where a channel is connected`}.
              {others.length > 0 && ` ${listed.format(others)} ${others.length === 1 ? "is" : "are"} not available yet.`}
            </p>
            {list.items.length > 0 && <SortedTable name="Channels" columns={columns} rows={list.items} keyOf={(channel) => `${channel.channel_type} ${channel.channel_id}`} {...sorting("sort", columns, { column: "kind", descending: false })} stacks />}
            <More list={list} />
          </>
        )}
      </Panel>
      {isNew && (
        <NewChannel
          kinds={kinds}
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

function NewChannel({ kinds, onClose, onDone }: { kinds: readonly (readonly [Kind, string])[]; onClose: () => void; onDone: () => void }) {
  const [kind, setKind] = useState<Kind>(kinds[0]![0]);
  const [id, setId] = useState("");
  const action = useAction();
  const connect = () =>
    action.run(async () => {
      await send("POST", "/api/admin/channels", { channel_type: kind, channel_id: id.trim() });
      onDone();
    });
  return (
    <Dialog title="Connect a channel" onClose={onClose}>
      <ActionForm action={action} onSubmit={connect} fields={["channel_type", "channel_id"]} says="Connect" isReady={id.trim() !== ""} onCancel={onClose}>
        <Select label="Channel" value={kind} options={kinds} onChange={setKind} wrong={wrongWith(action.error, "channel_type")} />
        <Text label="Its ID" value={id} onInput={setId} required hint={`What ${nameOf(kind)} calls it. A channel belongs to one team only.`} wrong={wrongWith(action.error, "channel_id")} />
      </ActionForm>
    </Dialog>
  );
}
