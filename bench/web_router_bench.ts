/**
 * The router against those of Hono, find-my-way, rou3 (as it is and compiled), memoirist and
 * `URLPattern`, on the 12 routes of Hono's own benchmark and on the routes of GitHub's API.
 *
 * All get the same method and path, and have to come up with the handler and the parameters by
 * name. In the first groups the paths are literals of the program, as in the peers' own
 * benchmarks; in the others each is cut out of a URL for each request, as on a server, so no hash
 * and no identity of a string can be reused.
 */
import findMyWay from "npm:find-my-way@9.10.1";
import { LinearRouter } from "npm:hono@4.13.19/router/linear-router";
import { PatternRouter } from "npm:hono@4.13.19/router/pattern-router";
import { RegExpRouter } from "npm:hono@4.13.19/router/reg-exp-router";
import { TrieRouter } from "npm:hono@4.13.19/router/trie-router";
import { Memoirist } from "npm:memoirist@1.2.2";
import { addRoute, createRouter, findRoute } from "npm:rou3@1.0.0";
import { compileRouter } from "npm:rou3@1.0.0/compiler";
import { Router } from "../web/mod.ts";

type Line = readonly [method: string, path: string];
type Find = (method: string, path: string) => unknown;

const HONO: Line[] = [
  ["GET", "/user"],
  ["GET", "/user/comments"],
  ["GET", "/user/avatar"],
  ["GET", "/user/lookup/username/:username"],
  ["GET", "/user/lookup/email/:address"],
  ["GET", "/event/:id"],
  ["GET", "/event/:id/comments"],
  ["POST", "/event/:id/comment"],
  ["GET", "/map/:location/events"],
  ["GET", "/status"],
  ["GET", "/very/deeply/nested/route/hello/there"],
  ["GET", "/static/*"],
];

const HONO_REQUESTS: Line[] = [
  ["GET", "/user"],
  ["GET", "/user/comments"],
  ["GET", "/user/lookup/username/hey"],
  ["GET", "/event/abcd1234/comments"],
  ["POST", "/event/abcd1234/comment"],
  ["GET", "/very/deeply/nested/route/hello/there"],
  ["GET", "/static/index.html"],
];

/** The routes of GitHub's API (version 3) by method. */
const GITHUB_PATHS: Record<string, string> = {
  GET: `
    /authorizations
    /authorizations/:id
    /applications/:client_id/tokens/:access_token
    /events
    /repos/:owner/:repo/events
    /networks/:owner/:repo/events
    /orgs/:org/events
    /users/:user/received_events
    /users/:user/received_events/public
    /users/:user/events
    /users/:user/events/public
    /users/:user/events/orgs/:org
    /feeds
    /notifications
    /repos/:owner/:repo/notifications
    /notifications/threads/:id
    /notifications/threads/:id/subscription
    /repos/:owner/:repo/stargazers
    /users/:user/starred
    /user/starred
    /user/starred/:owner/:repo
    /repos/:owner/:repo/subscribers
    /users/:user/subscriptions
    /user/subscriptions
    /repos/:owner/:repo/subscription
    /user/subscriptions/:owner/:repo
    /users/:user/gists
    /gists
    /gists/:id
    /gists/:id/star
    /repos/:owner/:repo/git/blobs/:sha
    /repos/:owner/:repo/git/commits/:sha
    /repos/:owner/:repo/git/refs
    /repos/:owner/:repo/git/tags/:sha
    /repos/:owner/:repo/git/trees/:sha
    /issues
    /user/issues
    /orgs/:org/issues
    /repos/:owner/:repo/issues
    /repos/:owner/:repo/issues/:number
    /repos/:owner/:repo/assignees
    /repos/:owner/:repo/assignees/:assignee
    /repos/:owner/:repo/issues/:number/comments
    /repos/:owner/:repo/issues/:number/events
    /repos/:owner/:repo/labels
    /repos/:owner/:repo/labels/:name
    /repos/:owner/:repo/issues/:number/labels
    /repos/:owner/:repo/milestones/:number/labels
    /repos/:owner/:repo/milestones
    /repos/:owner/:repo/milestones/:number
    /emojis
    /gitignore/templates
    /gitignore/templates/:name
    /meta
    /rate_limit
    /users/:user/orgs
    /user/orgs
    /orgs/:org
    /orgs/:org/members
    /orgs/:org/members/:user
    /orgs/:org/public_members
    /orgs/:org/public_members/:user
    /orgs/:org/teams
    /teams/:id
    /teams/:id/members
    /teams/:id/members/:user
    /teams/:id/repos
    /teams/:id/repos/:owner/:repo
    /user/teams
    /repos/:owner/:repo/pulls
    /repos/:owner/:repo/pulls/:number
    /repos/:owner/:repo/pulls/:number/commits
    /repos/:owner/:repo/pulls/:number/files
    /repos/:owner/:repo/pulls/:number/merge
    /repos/:owner/:repo/pulls/:number/comments
    /user/repos
    /users/:user/repos
    /orgs/:org/repos
    /repositories
    /repos/:owner/:repo
    /repos/:owner/:repo/contributors
    /repos/:owner/:repo/languages
    /repos/:owner/:repo/teams
    /repos/:owner/:repo/tags
    /repos/:owner/:repo/branches
    /repos/:owner/:repo/branches/:branch
    /repos/:owner/:repo/collaborators
    /repos/:owner/:repo/collaborators/:user
    /repos/:owner/:repo/comments
    /repos/:owner/:repo/commits/:sha/comments
    /repos/:owner/:repo/comments/:id
    /repos/:owner/:repo/commits
    /repos/:owner/:repo/commits/:sha
    /repos/:owner/:repo/readme
    /repos/:owner/:repo/keys
    /repos/:owner/:repo/keys/:id
    /repos/:owner/:repo/downloads
    /repos/:owner/:repo/downloads/:id
    /repos/:owner/:repo/forks
    /repos/:owner/:repo/hooks
    /repos/:owner/:repo/hooks/:id
    /repos/:owner/:repo/releases
    /repos/:owner/:repo/releases/:id
    /repos/:owner/:repo/releases/:id/assets
    /repos/:owner/:repo/stats/contributors
    /repos/:owner/:repo/stats/commit_activity
    /repos/:owner/:repo/stats/code_frequency
    /repos/:owner/:repo/stats/participation
    /repos/:owner/:repo/stats/punch_card
    /repos/:owner/:repo/statuses/:ref
    /search/repositories
    /search/code
    /search/issues
    /search/users
    /legacy/issues/search/:owner/:repository/:state/:keyword
    /legacy/repos/search/:keyword
    /legacy/user/search/:keyword
    /legacy/user/email/:email
    /users/:user
    /user
    /users
    /user/emails
    /users/:user/followers
    /user/followers
    /users/:user/following
    /user/following
    /user/following/:user
    /users/:user/following/:target_user
    /users/:user/keys
    /user/keys
    /user/keys/:id
  `,
  POST: `
    /authorizations
    /gists
    /gists/:id/forks
    /repos/:owner/:repo/git/blobs
    /repos/:owner/:repo/git/commits
    /repos/:owner/:repo/git/refs
    /repos/:owner/:repo/git/tags
    /repos/:owner/:repo/git/trees
    /repos/:owner/:repo/issues
    /repos/:owner/:repo/issues/:number/comments
    /repos/:owner/:repo/labels
    /repos/:owner/:repo/issues/:number/labels
    /repos/:owner/:repo/milestones
    /markdown
    /markdown/raw
    /orgs/:org/teams
    /repos/:owner/:repo/pulls
    /user/repos
    /orgs/:org/repos
    /repos/:owner/:repo/commits/:sha/comments
    /repos/:owner/:repo/keys
    /repos/:owner/:repo/forks
    /repos/:owner/:repo/hooks
    /repos/:owner/:repo/hooks/:id/tests
    /repos/:owner/:repo/merges
    /repos/:owner/:repo/releases
    /repos/:owner/:repo/statuses/:ref
    /user/emails
    /user/keys
  `,
  DELETE: `
    /authorizations/:id
    /applications/:client_id/tokens
    /applications/:client_id/tokens/:access_token
    /notifications/threads/:id/subscription
    /user/starred/:owner/:repo
    /repos/:owner/:repo/subscription
    /user/subscriptions/:owner/:repo
    /gists/:id/star
    /gists/:id
    /repos/:owner/:repo/labels/:name
    /repos/:owner/:repo/issues/:number/labels/:name
    /repos/:owner/:repo/issues/:number/labels
    /repos/:owner/:repo/milestones/:number
    /orgs/:org/members/:user
    /orgs/:org/public_members/:user
    /teams/:id
    /teams/:id/members/:user
    /teams/:id/repos/:owner/:repo
    /repos/:owner/:repo
    /repos/:owner/:repo/collaborators/:user
    /repos/:owner/:repo/comments/:id
    /repos/:owner/:repo/keys/:id
    /repos/:owner/:repo/downloads/:id
    /repos/:owner/:repo/hooks/:id
    /repos/:owner/:repo/releases/:id
    /user/emails
    /user/following/:user
    /user/keys/:id
  `,
  PUT: `
    /notifications
    /repos/:owner/:repo/notifications
    /notifications/threads/:id/subscription
    /user/starred/:owner/:repo
    /repos/:owner/:repo/subscription
    /user/subscriptions/:owner/:repo
    /gists/:id/star
    /repos/:owner/:repo/issues/:number/labels
    /orgs/:org/public_members/:user
    /teams/:id/members/:user
    /teams/:id/repos/:owner/:repo
    /repos/:owner/:repo/pulls/:number/merge
    /repos/:owner/:repo/pulls/:number/comments
    /repos/:owner/:repo/collaborators/:user
    /user/following/:user
  `,
};

const GITHUB: Line[] = Object.entries(GITHUB_PATHS).flatMap(([method, paths]) =>
  paths.trim().split(/\s+/).map((path): Line => [method, path])
);
const GITHUB_REQUESTS: Line[] = GITHUB.map(([method, path]) => [
  method,
  path.replaceAll(/:(\w+)/g, (_, name) => `${name}42`),
]);

/** Hono's linear, pattern and regular expression routers leave the names to their caller. */
function withParams(result: [[unknown, Record<string, number>][], string[]?]): unknown {
  const [handlers, values] = result as unknown as [
    [unknown, Record<string, number | string>][],
    string[] | undefined,
  ];
  const first = handlers[0];
  if (first === undefined) return undefined;
  if (values === undefined) return { data: first[0], params: first[1] };
  const params: Record<string, string> = {};
  for (const name in first[1]) params[name] = values[first[1][name] as number]!;
  return { data: first[0], params };
}

/** Builds every router with the same routes. */
function buildRouters(routes: Line[]): Record<string, Find> {
  const handler = () => {};
  const compiled = new Router<unknown>();
  const tree = new Router<unknown>({ matcher: "tree" });
  const hono = {
    RegExpRouter: new RegExpRouter<unknown>(),
    TrieRouter: new TrieRouter<unknown>(),
    PatternRouter: new PatternRouter<unknown>(),
    LinearRouter: new LinearRouter<unknown>(),
  };
  const fmw = findMyWay();
  const rou3 = createRouter<unknown>();
  const memoirist = new Memoirist<unknown>();
  const patterns: { method: string; pattern: URLPattern }[] = [];
  for (const [method, path] of routes) {
    compiled.add(method, path, handler);
    tree.add(method, path, handler);
    for (const router of Object.values(hono)) router.add(method, path, handler);
    fmw.on(method as "GET", path, handler);
    addRoute(rou3, method, path.replace(/\*$/, "**:_"), handler);
    memoirist.add(method, path, handler);
    patterns.push({ method, pattern: new URLPattern({ pathname: path }) });
  }
  return {
    "groundwork": (method, path) => compiled.match(method, path),
    "groundwork (tree walk)": (method, path) => tree.match(method, path),
    "hono RegExpRouter": (method, path) =>
      withParams(hono.RegExpRouter.match(method, path) as never),
    "hono TrieRouter": (method, path) => withParams(hono.TrieRouter.match(method, path) as never),
    "hono PatternRouter": (method, path) =>
      withParams(hono.PatternRouter.match(method, path) as never),
    "hono LinearRouter": (method, path) =>
      withParams(hono.LinearRouter.match(method, path) as never),
    "find-my-way": (method, path) => fmw.find(method as "GET", path),
    "rou3": (method, path) => findRoute(rou3, method, path),
    "rou3 compiled": compileRouter(rou3),
    "memoirist": (method, path) => memoirist.find(method, path),
    "URLPattern": (method, path) => {
      for (const entry of patterns) {
        if (entry.method !== method) continue;
        const match = entry.pattern.exec({ pathname: path });
        if (match !== null) return match.pathname.groups;
      }
      return undefined;
    },
  };
}

/** Not for a table of hundreds: the run would last minutes. */
const SLOW = ["URLPattern", "hono PatternRouter", "hono LinearRouter"];

for (
  const [table, routes, requests] of [
    ["hono's 12 routes", HONO, HONO_REQUESTS],
    ["GitHub API", GITHUB, GITHUB_REQUESTS],
  ] as const
) {
  const urls = requests.map(([method, path]) => ({
    method,
    url: `http://localhost:8000${path}?page=1`,
  }));
  const kinds: Record<string, (find: Find) => () => void> = {
    "": (find) => () => {
      for (const { 0: method, 1: path } of requests) find(method, path);
    },
    ", path cut from a URL": (find) => () => {
      for (const { method, url } of urls) find(method, url.slice(21, url.length - 7));
    },
  };
  for (const [kind, make] of Object.entries(kinds)) {
    for (const [name, find] of Object.entries(buildRouters(routes))) {
      if (table === "GitHub API" && SLOW.includes(name)) continue;
      for (const [method, path] of requests) {
        if (find(method, path) === undefined) throw new Error(`${name} has no ${method} ${path}`);
      }
      const fn = make(find);
      // The same for all: what is measured is not how soon the engine optimises.
      for (let round = 0; round < 3_000 && !SLOW.includes(name); round++) fn();
      Deno.bench({ name, group: `router: ${table}${kind}`, baseline: name === "groundwork", fn });
    }
  }
}
