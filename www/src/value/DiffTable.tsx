// Two values side by side: which keys were added, removed, changed. Values are masked unless they are revealed.

import { useLanguage } from "../app/language";
import { Badge, type Tone } from "../ui/Badge";
import { Notice } from "../ui/Notice";
import { Toggle } from "../ui/Toggle";
import { type Change, differences, isIdentical, isSealed } from "./diff";
import { HiddenAgain } from "./HiddenAgain";
import { TYPE_WORDS } from "./types";
import { useRevealed } from "./useReveal";
import { type Stored, shownKey } from "./value";

const WORDS: Record<Change, [text: string, tone: Tone]> = {
  added: ["added", "good"],
  removed: ["removed", "danger"],
  changed: ["changed", "warning"],
  same: ["same", "plain"],
};

interface Props {
  before: Stored;
  after: Stored;
  labels: [before: string, after: string];
}

export function DiffTable({ before, after, labels }: Props) {
  const { t } = useLanguage();
  const { value: isShown = false, show, hide, touch, ...hiding } = useRevealed(labels.join(), async () => true);
  const found = differences(before, after);
  const mask = (text: string | undefined) =>
    text === undefined ? (
      <span className="muted">—</span>
    ) : isShown ? (
      <code className="wrap">{text}</code>
    ) : (
      <span className="masked">••••••</span>
    );
  const count = (change: Change) => found.filter((each) => each.change === change).length;
  return (
    <div className="diff" onPointerMove={touch} onKeyDown={touch} onScroll={touch}>
      <div className="row spread">
        <span role="status">
          {found.every(({ change }) => change === "same")
            ? isIdentical(before, after)
              ? t("The two values are the same.")
              : t("The keys and values are the same; spacing, order or spelling of the text differs.")
            : t("{added} added, {removed} removed, {changed} changed", {
                added: count("added"),
                removed: count("removed"),
                changed: count("changed"),
              })}
        </span>
        <Toggle isOn={isShown} onChange={(on) => (on ? show() : hide())}>
          {t("Show values")}
        </Toggle>
      </div>
      {isShown && (
        <div className="row">
          <HiddenAgain {...hiding} />
        </div>
      )}
      {(isSealed(before) || isSealed(after)) && (
        <Notice>{t("Sealed values differ each time they are sealed, whatever is in them.")}</Notice>
      )}
      <table className="table">
        <caption className="visually-hidden">{t("Differences")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("Key")}</th>
            <th scope="col">{t("Difference")}</th>
            <th scope="col">{labels[0]}</th>
            <th scope="col">{labels[1]}</th>
          </tr>
        </thead>
        <tbody>
          {found.map(({ key, change, before: left, after: right, types }) => (
            <tr key={key} className={`diff-${change}`}>
              <th scope="row" className="code">
                {key === undefined ? t("Value") : shownKey(key)}
              </th>
              <td>
                <Badge tone={WORDS[change][1]}>{t(WORDS[change][0])}</Badge>
                {types && (
                  <span className="hint type-change">
                    {t(TYPE_WORDS[types[0]])} → {t(TYPE_WORDS[types[1]])}
                  </span>
                )}
              </td>
              <td>{mask(left)}</td>
              <td>{mask(right)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
