// Every component side by side, for whoever works on the console. It is part of development only, so its texts are in
// English alone.

import { useState } from "react";

import { announce } from "../app/announce";
import { StageMap } from "../secret/StageMap";
import { ActionMenu } from "./ActionMenu";
import { Badge } from "./Badge";
import { Button } from "./Button";
import { Choice } from "./Choice";
import { CopyName, CopySecret } from "./CopyText";
import { CancelButton, Dialog } from "./Dialog";
import { Empty } from "./Empty";
import { Facts } from "./Facts";
import { Field } from "./Field";
import { GenerateButton } from "./GenerateButton";
import { Notice } from "./Notice";
import { OnOff } from "./OnOff";
import { SecretInput } from "./SecretInput";
import { Select } from "./Select";
import { Time } from "./Time";
import { Toggle } from "./Toggle";

const DAY = 86_400_000;

export function ComponentsPage() {
  const [text, setText] = useState("text");
  const [wrong, setWrong] = useState("not right");
  const [isOn, setIsOn] = useState(true);
  const [isOpen, setIsOpen] = useState(false);
  const [chosen, setChosen] = useState<"one" | "other">("one");
  const options = [
    { value: "one", label: "One" },
    { value: "other", label: "The other" },
  ] as const;
  return (
    <div className="page">
      <h1>Components</h1>
      <section>
        <h2>Buttons</h2>
        <div className="row">
          {(["primary", "plain", "quiet", "danger", "link"] as const).map((kind) => (
            <Button key={kind} kind={kind} onPress={() => announce(`${kind} was pressed.`)}>
              {kind}
            </Button>
          ))}
          <Button isDisabled>disabled</Button>
          <Button isPending>pending</Button>
          <ActionMenu
            label="Actions"
            items={[
              { id: "possible", label: "Possible" },
              { id: "refused", label: "Refused", refusal: "It says why." },
            ]}
            onAction={(action) => announce(action)}
          />
        </div>
      </section>
      <section>
        <h2>Fields</h2>
        <Field label="Text" value={text} onChange={setText} hint="What it is for." />
        <Field label="With a problem" value={wrong} onChange={setWrong} problems={["What is allowed."]} isCode />
        <SecretInput label="Secret" initial="secret" onInput={() => undefined} />
        <Select label="One of many" value={chosen} onChange={setChosen} options={options} />
        <Choice label="One of few" value={chosen} onChange={setChosen} options={options} />
        <Choice
          label="One of few, explained"
          value={chosen}
          onChange={setChosen}
          options={options.map((option) => ({ ...option, hint: "What it means." }))}
        />
        <Toggle isOn={isOn} onChange={setIsOn}>
          On or off
        </Toggle>
      </section>
      <section>
        <h2>What is said</h2>
        {(["info", "warning", "danger", "success"] as const).map((kind) => (
          <Notice key={kind} kind={kind} title={kind}>
            <p>What to do next.</p>
          </Notice>
        ))}
        <div className="row">
          {(["plain", "good", "warning", "danger", "accent"] as const).map((tone) => (
            <Badge key={tone} tone={tone}>
              {tone}
            </Badge>
          ))}
          <OnOff isOn />
          <OnOff isOn={false} />
          <Time millis={Date.now() + 3 * DAY} />
          <Time millis={Date.now()} isExact />
        </div>
        <Facts
          facts={[
            ["Name", "value"],
            ["Code", <code key="code">code</code>],
          ]}
        />
        <Empty title="Nothing yet">
          <p>What will be here, and the first step to it.</p>
        </Empty>
      </section>
      <section>
        <h2>Copying and generating</h2>
        <div className="row">
          <CopyName label="Copy a name" text="name" />
          <CopySecret label="Copy a secret" read={() => "secret"} />
          <GenerateButton label="Generate" onGenerate={(password) => announce(`${password.length} characters`)} />
        </div>
      </section>
      <section>
        <h2>Versions</h2>
        <StageMap
          label="Versions"
          rows={[
            { id: "v3", version_stages: ["SYSCURRENT"] },
            { id: "v2", version_stages: ["SYSPREVIOUS", "blue"] },
            { id: "v1", version_stages: [] },
          ]}
        />
      </section>
      <Button onPress={() => setIsOpen(true)}>Open a dialog</Button>
      <Dialog title="A dialog" isOpen={isOpen} onClose={() => setIsOpen(false)}>
        <Field label="Type to make it ask" value={text} onChange={setText} />
        <div className="row actions">
          <Button kind="primary" onPress={() => setIsOpen(false)}>
            Save
          </Button>
          <CancelButton />
        </div>
      </Dialog>
    </div>
  );
}
