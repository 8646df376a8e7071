// Who else reads the secret: users with a grant, copies in other regions, and the agency of its rotation function.

import { CsmsError, type Grantee, type ReplicaInfo, type Secret } from "csms";
import { useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { useDirty } from "../app/leaving";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { useQuery } from "../app/useQuery";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { ConfirmDialog } from "../ui/ConfirmDialog";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import { Notice } from "../ui/Notice";
import { Select } from "../ui/Select";
import { Time } from "../ui/Time";

export function AccessTab({ secret, onChange }: { secret: Secret; onChange: () => void }) {
  return (
    <div className="columns even">
      <Grants secret={secret} />
      <div className="sections">
        <Replicas secret={secret} onChange={onChange} />
        {secret.secret_type !== "COMMON" && <Agency secret_type={secret.secret_type} />}
      </div>
    </div>
  );
}

function Grants({ secret }: { secret: Secret }) {
  const { t } = useLanguage();
  const { client } = useSession();
  const read = async (options: { signal?: AbortSignal } = {}) => {
    try {
      return (await client.listGrants({ resource_id: secret.id }, options)).data.grantee_user;
    } catch (failure) {
      // A secret without grants has no list of them.
      if (failure instanceof CsmsError && failure.status === 404) return [];
      throw failure;
    }
  };
  const { data, error, reload } = useQuery(secret.id, (signal) => read({ signal }));
  const [user, setUser] = useState("");
  const [until, setUntil] = useState("");
  /** The grant that the person agrees to replace. */
  const [replaced, setReplaced] = useState<Grantee>();
  const [removing, setRemoving] = useState<Grantee>();
  useDirty(user !== "" || until !== "");
  const add = useAction(async () => {
    const grantee = user.trim();
    const request = {
      resource_id: secret.id,
      type: "SECRET",
      grantee_type: "0",
      grantee_target_id: grantee,
      ...(until && { validity_time: until }),
    } as const;
    // A grant takes the place of the one that is there, so the grants are read again just before.
    const former = (await read()).find(({ user_name, user_id }) => user_name === grantee || user_id === grantee);
    if (former && (replaced?.user_id !== former.user_id || replaced.validity_time !== former.validity_time)) {
      setReplaced(former);
      return;
    }
    if (former) await client.updateGrant(request);
    else await client.createGrants(request);
    announce(t("{name} may read the secret.", { name: grantee }));
    setReplaced(undefined);
    setUser("");
    setUntil("");
    reload();
  });
  return (
    <section aria-labelledby="grants">
      <h2 id="grants">{t("Grants")}</h2>
      <p className="hint">
        {t("A grant lets a user read this one secret, until a day if you say so, whatever the policies allow.")}
      </p>
      <Failure error={error} onRetry={reload} />
      {!data && error === undefined && <p className="muted">{t("Loading…")}</p>}
      {data?.length === 0 && <p className="muted">{t("Nobody has a grant. Policies alone say who may read it.")}</p>}
      {data && data.length > 0 && (
        <ul className="tasks">
          {data.map((grant) => (
            <Grant key={grant.user_id} grant={grant} onRemove={() => setRemoving(grant)} />
          ))}
        </ul>
      )}
      <Form onSubmit={add.run} isBusy={add.isRunning} className="tag-form">
        <Field
          label={t("User (name or identifier)")}
          isCode
          value={user}
          onChange={(text) => (setUser(text), setReplaced(undefined))}
        />
        <Field label={t("Last day, UTC (may be left out)")} type={"date" as "text"} value={until} onChange={setUntil} />
        <Button type="submit" isPending={add.isRunning} isDisabled={user.trim() === ""}>
          {t("Grant")}
        </Button>
      </Form>
      {replaced && (
        <Notice kind="warning" title={t("{name} has a grant already.", { name: replaced.user_name })}>
          <p>
            {replaced.validity_time === undefined ? (
              t("It has no last day.")
            ) : (
              <Time millis={replaced.validity_time} isExact words={t("until {time}")} />
            )}{" "}
            {until === ""
              ? t("Grant once more to replace it by one without a last day.")
              : t("Grant once more to replace it by one until {date}.", { date: until })}
          </p>
        </Notice>
      )}
      <Failure error={add.error} />
      {removing && (
        <ConfirmDialog
          title={t("Take away the grant of {name}", { name: removing.user_name })}
          verb={t("Take away the grant")}
          act={async () => {
            await client.deleteGrant({ resource_id: secret.id, grantee_user: removing.user_id });
            announce(t("The grant of {name} is taken away.", { name: removing.user_name }));
            reload();
          }}
          onClose={() => setRemoving(undefined)}
        >
          <p>{t("{name} can read the secret from now on only if a policy allows it.", { name: removing.user_name })}</p>
        </ConfirmDialog>
      )}
    </section>
  );
}

function Grant({ grant, onRemove }: { grant: Grantee; onRemove: () => void }) {
  const { t } = useLanguage();
  const { user_name, create_time, validity_time } = grant;
  return (
    <li>
      <div className="row">
        <strong className="code">{user_name}</strong>
        <span className="hint">
          <Time millis={create_time} words={t("since {time}")} />
          {validity_time !== undefined && (
            <>
              {" · "}
              <Time millis={validity_time} isExact words={t("until {time}")} />
            </>
          )}
        </span>
        {validity_time !== undefined && validity_time <= Date.now() && <Badge>{t("expired")}</Badge>}
        <span className="grow" />
        <Button kind="quiet" onPress={onRemove} aria-label={t("Take away the grant of {name}", { name: user_name })}>
          {t("Take away…")}
        </Button>
      </div>
    </li>
  );
}

function Replicas({ secret, onChange }: { secret: Secret; onChange: () => void }) {
  const { t } = useLanguage();
  const { client } = useSession();
  const regions = useQuery("regions", (signal) => client.listSupportRegions({}, { signal }));
  const [chosen, setChosen] = useState("");
  const copies = secret.replica_type === "REPLICA" ? [] : (secret.replicas ?? []);
  const free = (regions.data?.regions ?? []).filter((region) => !copies.some((copy) => copy.region === region));
  const region = free.includes(chosen) ? chosen : (free[0] ?? "");
  const add = useAction(async () => {
    await client.createSecretReplica({ secret_name: secret.name, region });
    announce(t("The secret is copied to {region}.", { region }));
    onChange();
  });
  const [removing, setRemoving] = useState<ReplicaInfo>();
  return (
    <section aria-labelledby="replicas">
      <h2 id="replicas">{t("Replicas")}</h2>
      {secret.replica_type === "REPLICA" ? (
        <Notice title={t("This secret is a replica.")}>
          <p>
            {t("It is changed with its primary only, in the region")} <code>{secret.replicas?.[0]?.region ?? "—"}</code>
          </p>
        </Notice>
      ) : (
        <>
          <p className="hint">
            {t("A replica is a copy in another region with the same versions; it is never behind.")}
          </p>
          <Failure error={regions.error} onRetry={regions.reload} />
          {copies.length === 0 && <p className="muted">{t("There is no replica.")}</p>}
          {copies.length > 0 && (
            <ul className="tasks">
              {copies.map((copy) => (
                <li key={copy.region}>
                  <div className="row">
                    <strong className="code">{copy.region}</strong>
                    <span className="hint">
                      <Time millis={copy.created_at} words={t("since {time}")} />
                    </span>
                    <span className="grow" />
                    <Button
                      kind="quiet"
                      onPress={() => setRemoving(copy)}
                      aria-label={t("Remove the replica in {region}", { region: copy.region })}
                    >
                      {t("Remove…")}
                    </Button>
                  </div>
                </li>
              ))}
            </ul>
          )}
          {regions.data && free.length === 0 && copies.length === 0 && (
            <p className="hint">{t("This server has one region. Further ones are named in its settings.")}</p>
          )}
          {free.length > 0 && (
            <div className="row bottom">
              <Select
                label={t("Region")}
                value={region}
                onChange={setChosen}
                options={free.map((value) => ({ value, label: value }))}
              />
              <Button onPress={() => void add.run()} isPending={add.isRunning}>
                {t("Add a replica")}
              </Button>
            </div>
          )}
          <Failure error={add.error} />
          {removing && (
            <ConfirmDialog
              title={t("Remove the replica in {region}", { region: removing.region })}
              verb={t("Remove the replica")}
              act={async () => {
                await client.deleteSecretReplica({ secret_name: secret.name, region_name: removing.region });
                announce(t("The copy in {region} is removed.", { region: removing.region }));
                onChange();
              }}
              onClose={() => setRemoving(undefined)}
            >
              <p>{t("Programs in {region} can no longer read the secret.", { region: removing.region })}</p>
            </ConfirmDialog>
          )}
        </>
      )}
    </section>
  );
}

function Agency({ secret_type }: { secret_type: Exclude<Secret["secret_type"], "COMMON"> }) {
  const { t } = useLanguage();
  const { client } = useSession();
  const { data, error, reload } = useQuery(secret_type, (signal) => client.showAgency({ secret_type }, { signal }));
  const create = useAction(async () => {
    await client.createAgency({ secret_type });
    announce(t("The agency is noted."));
    reload();
  });
  return (
    <section aria-labelledby="agency">
      <h2 id="agency">{t("Agency of the rotation function")}</h2>
      <Failure error={error ?? create.error} onRetry={reload} />
      {data?.agency_granted === "true" && <p>{t("Functions that rotate secrets of this type have their agency.")}</p>}
      {data?.agency_granted === "false" && (
        <>
          <p className="hint">
            {t(
              "Tools of the cloud ask whether functions that rotate secrets of this type have an agency. Functions that run here need none.",
            )}
          </p>
          <div className="row">
            <Button onPress={() => void create.run()} isPending={create.isRunning}>
              {t("Note the agency")}
            </Button>
          </div>
        </>
      )}
    </section>
  );
}
