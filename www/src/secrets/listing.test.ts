// A list is read page by page, with the service's bounds: places up to 9,999 in what it finds, 1,000 secrets at a time.

import { type CsmsClient, CsmsError, type FindResourcesRequest, type ListSecretsRequest, type Secret } from "csms";
import { describe, expect, test, vi } from "vitest";

import { ALL, type Found, forgetDenial, Listing, LOOKED_THROUGH, searchFor, wantedFor } from "./listing";

const SIGNAL = new AbortController().signal;

/** A service with secrets, and what it was asked. */
function service(count: number, { maySearch = true } = {}) {
  const all = Array.from({ length: count }, (_, index) => {
    const name = `s-${String(index).padStart(6, "0")}`;
    return { id: `id-${name}`, name } as Secret;
  });
  const listResourceInstances = vi.fn(async ({ limit, offset, matches }: FindResourcesRequest) => {
    if (!maySearch) throw new CsmsError("client/unknown-code", "denied", { status: 403 });
    if (Number(offset) > 9999) throw new CsmsError("input/invalid", "offset must be 1 to 4 digits", { status: 400 });
    const found = all.filter(({ name }) => (matches ?? []).every(({ value }) => name.includes(value)));
    const resources = found.slice(Number(offset), Number(offset) + Number(limit)).map((secret) => ({
      resource_id: secret.id,
      resource_detail: secret,
      resource_name: secret.name,
      tags: [{ key: "of", value: secret.name }],
    }));
    return { resources, total_count: found.length };
  });
  const listSecrets = vi.fn(async ({ limit = 50, marker = "" }: ListSecretsRequest = {}) => {
    const rest = all.filter(({ name }) => name > marker);
    const secrets = rest.slice(0, limit);
    const next = rest.length > limit ? { next_marker: secrets.at(-1)?.name } : {};
    return { secrets, page_info: { current_count: secrets.length, ...next } };
  });
  const client = { listResourceInstances, listSecrets } as unknown as CsmsClient;
  return { all, client, listResourceInstances, listSecrets };
}

async function read(listing: Listing, wanted: number, signal = SIGNAL): Promise<Found> {
  await listing.read(wanted, signal, () => undefined);
  return listing.found;
}

describe("a list", () => {
  test("begins with one small request, whatever the number of secrets", async () => {
    const { client, listResourceInstances, listSecrets } = service(100_000);
    const found = await read(new Listing(client, ALL), 50);
    expect([found.secrets.length, found.total, found.isEnd]).toEqual([100, 100_000, false]);
    expect([listResourceInstances.mock.calls.length, listSecrets.mock.calls.length]).toEqual([1, 0]);
  });

  test("has every secret once and in order, also behind the last place that the service pages to", async () => {
    const { all, client } = service(25_000);
    const found = await read(new Listing(client, ALL), Number.POSITIVE_INFINITY);
    expect(found.secrets).toEqual(all);
    expect([found.isEnd, found.isCut]).toEqual([true, false]);
    expect(found.tags.size).toBe(10_090);
  });

  test("has no secret twice when another was created before it between two pages", async () => {
    const { all, client } = service(1000);
    const listing = new Listing(client, ALL);
    await read(listing, 100);
    all.unshift({ id: "id-a", name: "a" } as Secret);
    const { secrets } = await read(listing, Number.POSITIVE_INFINITY);
    expect(new Set(secrets.map(({ id }) => id)).size).toBe(secrets.length);
    expect(secrets).toEqual(all.slice(1));
  });

  test("lacks no secret when others were deleted between two pages, be it the last one known", async () => {
    const { all, client } = service(4000);
    const listing = new Listing(client, ALL);
    await read(listing, 1000);
    const before = new Set(all.splice(200, 999));
    const { secrets, isEnd } = await read(listing, Number.POSITIVE_INFINITY);
    expect([secrets.filter((secret) => !before.has(secret)), isEnd]).toEqual([all, true]);
  });

  test("has ended when all behind what is there was deleted", async () => {
    const { all, client } = service(4000);
    const listing = new Listing(client, ALL);
    await read(listing, 1000);
    all.splice(50);
    const { isEnd, total } = await read(listing, Number.POSITIVE_INFINITY);
    expect([isEnd, total]).toEqual([true, 50]);
  });

  test("goes on where it was when more is wanted", async () => {
    const { client, listResourceInstances } = service(3000);
    const listing = new Listing(client, ALL);
    await read(listing, 100);
    await read(listing, 150);
    expect(listResourceInstances.mock.calls.map(([{ offset }]) => offset)).toEqual(["0", "99"]);
    await read(listing, 1099);
    expect(listResourceInstances).toHaveBeenCalledTimes(2);
  });

  test("takes nothing from an answer that comes after its reading has ended", async () => {
    const { client } = service(3000);
    const listing = new Listing(client, ALL);
    const ending = new AbortController();
    const reading = read(listing, 100, ending.signal);
    ending.abort();
    await reading;
    expect(listing.found.secrets).toEqual([]);
    expect((await read(listing, 100)).secrets.length).toBe(100);
  });
});

describe("a search", () => {
  test("is the service's, by parts of names and by tags", async () => {
    const { client, listResourceInstances } = service(3000);
    const search = { names: ["0001", "s-"], tags: [{ key: "team" }, { key: "env", value: "prod" }] };
    const { secrets, total } = await read(new Listing(client, search), 1000);
    expect(listResourceInstances.mock.calls[0]?.[0]).toEqual({
      action: "filter",
      limit: "100",
      offset: "0",
      matches: [
        { key: "resource_name", value: "0001" },
        { key: "resource_name", value: "s-" },
      ],
      tags: [{ key: "team" }, { key: "env", values: ["prod"] }],
    });
    expect(secrets.length).toBe(total);
  });

  test("that finds more than the service pages to says that it is cut", async () => {
    const { client, listSecrets } = service(25_000);
    const found = await read(new Listing(client, { names: ["s-"], tags: [] }), Number.POSITIVE_INFINITY);
    expect([found.secrets.length, found.total, found.isEnd, found.isCut]).toEqual([10_090, 25_000, true, true]);
    expect(listSecrets).not.toHaveBeenCalled();
  });
});

describe("somebody who may list but not search", () => {
  test("gets one list for whatever is searched, looked through up to a bound", async () => {
    const { client } = service(25_000, { maySearch: false });
    const searches = [
      { names: ["00001"], tags: [] },
      { names: [], tags: [{ key: "team" }] },
    ];
    expect(searches.map((search) => searchFor(client, search))).toEqual(searches);
    await read(new Listing(client, ALL), 100);
    expect(searches.map((search) => searchFor(client, search))).toEqual([ALL, ALL]);
    expect(searches.map((search) => wantedFor(client, search, 100))).toEqual([LOOKED_THROUGH, LOOKED_THROUGH]);
    expect([wantedFor(client, ALL, 100), wantedFor(client, { names: ["a"], tags: [] }, 0)]).toEqual([100, 0]);
    const found = await read(new Listing(client, ALL), LOOKED_THROUGH);
    expect([found.isSearched, found.total, found.isEnd]).toEqual([false, undefined, false]);
    expect(found.secrets.length).toBeLessThan(LOOKED_THROUGH + 1000);
  });

  test("is refused once, until the list is asked for again", async () => {
    const { client, listResourceInstances } = service(10, { maySearch: false });
    for (let round = 0; round < 3; round += 1) await read(new Listing(client, ALL), 100);
    expect(listResourceInstances).toHaveBeenCalledTimes(1);
    forgetDenial(client);
    await read(new Listing(client, ALL), 100);
    expect(listResourceInstances).toHaveBeenCalledTimes(2);
  });
});
