// Parts of the console that are loaded when they are needed, and loaded again where that failed.

import { Component, type ComponentType, lazy, type ReactNode } from "react";

import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { useLanguage } from "./language";

/** Forgets what each part got so far, so that the next look at it loads it again. */
const renewals = new Set<() => void>();
const loads = new Set<() => Promise<unknown>>();

/** A component that is loaded when it is first shown. */
export function loadable<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  const make = () => lazy(async () => ({ default: await load() }));
  let part = make();
  renewals.add(() => {
    part = make();
  });
  loads.add(load);
  return function Loadable(props: P) {
    const Part = part as unknown as ComponentType<P>;
    return <Part {...props} />;
  };
}

/** Loads every part in the background, so that an upgrade of the server does not hit a page that is open. */
export async function loadAll(): Promise<void> {
  // A part that fails is loaded when it is shown, and says so there.
  for (const load of loads) await load().catch(() => undefined);
}

interface BoundaryProps {
  /** Where in the console one is; another place is tried again. */
  place: string;
  children: ReactNode;
}

/** Shows a failure in place of the part that failed; everything around it stays. */
export class PartBoundary extends Component<BoundaryProps, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override componentDidUpdate(before: BoundaryProps) {
    if (this.state.hasFailed && before.place !== this.props.place) this.retry();
  }

  private readonly retry = () => {
    for (const renew of renewals) renew();
    this.setState({ hasFailed: false });
  };

  override render() {
    return this.state.hasFailed ? <PartFailure onRetry={this.retry} /> : this.props.children;
  }
}

function PartFailure({ onRetry }: { onRetry: () => void }) {
  const { t } = useLanguage();
  return (
    <div className="page">
      <Notice kind="danger" title={t("This part of the console could not be loaded.")}>
        <p>{t("The server may be down, or was upgraded since you opened this page. You are still signed in.")}</p>
        <div className="row">
          <Button onPress={onRetry}>{t("Load again")}</Button>
        </div>
        <p className="hint">{t("If it stays so, reload the page and sign in again.")}</p>
      </Notice>
    </div>
  );
}
