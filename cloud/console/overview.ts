/** The first page of the console: services, traffic, requests as they come. */
import type { ConsolePage, Service } from "../service.ts";

const TEMPLATE = `
<div class="page-head">
<h1>Overview</h1>
<p class="muted small"><span id="uptime">{{.uptime}}</span> · data in <span class="code">{{.dataDir}}</span></p>
</div>

<dl class="panel tiles">
<div class="tile"><dt>Traffic now</dt><dd id="stat-rate">–</dd></div>
<div class="tile"><dt>p50 latency, last minute</dt><dd id="stat-p50">–</dd></div>
<div class="tile"><dt>p99 latency, last minute</dt><dd id="stat-p99">–</dd></div>
<div class="tile"><dt>Requests since start</dt><dd id="stat-total">{{.totalRequests}}</dd></div>
<div class="tile"><dt>Failed (5xx)</dt><dd id="stat-errors">{{.totalErrors}}</dd></div>
</dl>
<noscript><p class="banner">Live figures and charts need JavaScript; what you see is from when the page was loaded.</p></noscript>

<div class="grid two">
<section class="panel" aria-labelledby="rate-title">
<div class="panel-head"><h2 id="rate-title">Requests a second</h2>
<ul class="legend"><li>answered</li><li class="bad">failed</li></ul></div>
<div class="chart" id="rate-chart" role="img" tabindex="0" aria-label="Requests a second"></div>
</section>
<section class="panel" aria-labelledby="latency-title">
<div class="panel-head"><h2 id="latency-title">Latency</h2>
<ul class="legend"><li>p50</li><li class="k2">p90</li><li class="k3">p99</li></ul></div>
<div class="chart" id="latency-chart" role="img" tabindex="0" aria-label="Latency percentiles"></div>
</section>
</div>

<div class="split">
<section class="panel" aria-labelledby="requests-title">
<div class="panel-head"><h2 id="requests-title">Last requests</h2>
<button class="button" type="button" id="pause" aria-pressed="false">Pause</button></div>
<div class="table-wrap">
<table id="requests-table" hidden>
<thead><tr><th scope="col" class="wide">Time</th><th scope="col">Method</th><th scope="col">Path</th><th scope="col" class="wide">Service</th><th scope="col" class="num">Status</th><th scope="col" class="num">Latency</th></tr></thead>
<tbody id="requests"></tbody>
</table>
<div class="empty" id="requests-empty"><strong>No requests yet</strong><p>They show up here as they are answered, by any of the services.</p></div>
</div>
</section>
<div class="stack" role="group" aria-labelledby="services-title">
<h2 class="section-title" id="services-title">Services</h2>
{{- range .services}}
<section class="panel service">
<header><h3>{{if .page}}<a href="{{.page}}">{{.name}}</a>{{else}}{{.name}}{{end}}</h3>
<span class="badge" id="state-{{.name}}" data-tone="{{.tone}}">{{.state}}</span></header>
<p class="muted small">{{.description}}</p>
{{- range .endpoints}}
<div class="endpoint">
<div class="endpoint-row"><span class="muted small">{{.label}}</span>{{if .isLink}}<a class="code" href="{{.url}}">{{.url}}</a>{{else}}<span class="code">{{.url}}</span>{{end}}</div>
{{- if .command}}
<div class="hint"><code>{{.command}}</code><button class="button plain" type="button" data-copy="{{.command}}" hidden><span class="label">Copy</span><span class="sr"> {{.command}}</span></button></div>
{{- end}}
</div>
{{- else}}
<p class="muted small">It has no endpoint now.</p>
{{- end}}
</section>
{{- end}}
</div>
</div>
`;

const TONES: Readonly<Record<string, string>> = {
  running: "ok",
  starting: "warn",
  stopping: "warn",
  failed: "bad",
};

function describe(service: Service): Record<string, unknown> {
  return {
    name: service.name,
    description: service.description,
    state: service.state,
    tone: TONES[service.state] ?? "off",
    page: service.page?.path === "/" ? undefined : service.page?.path,
    endpoints: service.endpoints.map((endpoint) => ({
      ...endpoint,
      isLink: /^https?:/.test(endpoint.url),
    })),
  };
}

/** The overview, at `/`. */
export const overviewPage: ConsolePage = {
  path: "/",
  title: "Overview",
  mount(console) {
    const { services, metrics, dataDir } = console.context;
    console.template(TEMPLATE);
    console.get("/", (c) => {
      const { totalRequests, totalErrors } = metrics.summary();
      return console.render(c, {
        dataDir,
        uptime: `Up ${metrics.uptimeSeconds} s`,
        totalRequests,
        totalErrors,
        services: services.map(describe),
      });
    });
  },
};
