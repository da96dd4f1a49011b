/** The frame around every page of the console, and the few drawings in it. */

/** The icon, also shown by browsers in the tab. Its colours follow the tab's theme. */
export const ICON: string = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">` +
  `<style>path{fill:#0b8274}@media(prefers-color-scheme:dark){path{fill:#4fd1bf}}</style>` +
  `<path d="M3 18h18v3H3z"/><path d="M5 11.5h14v4.500H5z" opacity=".75"/>` +
  `<path d="M8 5h8v4.500H8z" opacity=".5"/></svg>`;

/** The layout: the template of a page defines `content`. */
export const LAYOUT: string = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{.title}} · groundwork</title>
<link rel="icon" href="{{.assets.icon}}" type="image/svg+xml">
<link rel="stylesheet" href="{{.assets.style}}">
{{- range .styles}}
<link rel="stylesheet" href="{{.}}">
{{- end}}
<script type="module" src="{{.assets.script}}"></script>
{{- range .scripts}}
<script type="module" src="{{.}}"></script>
{{- end}}
</head>
<body>
<a class="skip" href="#content">Skip to content</a>
<header class="top">
<div class="top-row">
<a class="brand" href="/"><svg viewBox="0 0 24 24" aria-hidden="true"><g fill="currentColor"><path d="M3 18h18v3H3z"/><path d="M5 11.500h14v4.500H5z" opacity=".75"/><path d="M8 5h8v4.500H8z" opacity=".5"/></g></svg>groundwork</a>
<nav class="nav" aria-label="Pages"><ul>
{{- range .navigation}}
<li><a href="{{.path}}"{{if .isCurrent}} aria-current="page"{{end}}>{{.title}}</a></li>
{{- end}}
</ul></nav>
<div class="tools">
<span class="live" id="live" role="status" data-state="connecting">Connecting</span>
<button class="button plain" id="theme" type="button" aria-label="Switch theme" hidden><svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2"><circle cx="12" cy="12" r="8.500"/><path d="M12 3.500a8.500 8.500 0 0 1 0 17z" fill="currentColor" stroke="none"/></svg></button>
</div>
</div>
</header>
<main id="content">
<p class="banner" id="banner" role="alert" hidden></p>
{{block "content" .}}{{end}}
</main>
</body>
</html>
`;

/** What stands where there is no page. */
export const NOT_FOUND: string = `{{extends "layout"}}
{{define "content"}}
<section class="panel empty">
<strong>There is nothing at this address</strong>
<p>{{.data.path}}</p>
<a class="button" href="/">Back to the overview</a>
</section>
{{end}}`;
