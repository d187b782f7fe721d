// How the page looks: on a light and a dark screen, and on paper. No font, no picture, nothing from elsewhere.

const LIGHT = `
  --paper: #ffffff; --ink: #1c2330; --soft: #5a6473; --line: #d5dae1; --band: #f4f6f9; --link: #0b57d0;
  --data: #1f5fbf; --again: #c8102e; --order: #b35c00; --ack: #1a7f37; --window: #7a5195; --sack: #8d6e00;
  --probe: #00778a; --gap: #6b7280; --bad: #c8102e; --odd: #a14b00; --good: #1a7f37;`

const DARK = `
  --paper: #14181f; --ink: #e4e8ee; --soft: #9aa5b4; --line: #343c48; --band: #1c222b; --link: #8ab4f8;
  --data: #7ab0ff; --again: #ff6b6b; --order: #ffb057; --ack: #5fd07f; --window: #c9a0e8; --sack: #e0c04a;
  --probe: #4fd0e0; --gap: #9aa5b4; --bad: #ff6b6b; --odd: #ffb057; --good: #5fd07f;`

export const PAGE_STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 24px; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 32px 0 8px; border-bottom: 1px solid var(--line); padding-bottom: 4px; }
h3 { font-size: 16px; margin: 32px 0 6px; overflow-wrap: anywhere; }
a { color: var(--link); }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
section:target > h3 { background: var(--band); outline: 6px solid var(--band); }
p, ul { margin: 6px 0; }
.soft { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 8px 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
ol.findings { padding-left: 28px; } ol.findings li { margin: 4px 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
table.flows { width: 100%; min-width: 860px; }
th { text-align: left; color: var(--soft); font-weight: 600; }
th, td { padding: 3px 8px; vertical-align: top; }
table.flows th, table.flows td { border-bottom: 1px solid var(--line); }
table.flows td:nth-child(2), table.flows td:nth-child(3) { overflow-wrap: anywhere; }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tag { white-space: nowrap; font-weight: 600; }
.error, .tone-bad { color: var(--bad); } .warning, .tone-odd { color: var(--odd); } .tone-good { color: var(--good); } .note { color: var(--soft); }
figure { margin: 14px 0; } figcaption, caption { font-weight: 600; font-size: 14px; text-align: left; padding: 6px 0; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg.graph { width: 100%; height: auto; display: block; background: var(--paper); }
.grid { stroke: var(--line); stroke-width: 1; fill: none; stroke-dasharray: 1 3; } .axis { stroke: var(--soft); fill: none; }
svg text.n { text-anchor: end; fill: var(--soft); } svg text.t { text-anchor: middle; fill: var(--soft); }
svg text.c { fill: var(--soft); font-size: 11px; } svg text.e { text-anchor: end; }
.p-d { stroke: var(--data); stroke-width: 1.8; fill: none; } .p-r { stroke: var(--again); stroke-width: 3.2; fill: none; }
.p-o { stroke: var(--order); stroke-width: 3; fill: none; } .p-k { stroke: var(--probe); stroke-width: 4; fill: none; }
.p-a { stroke: var(--ack); stroke-width: 1.3; fill: none; } .p-w { stroke: var(--window); stroke-width: 1.2; fill: none; stroke-dasharray: 6 3; }
.p-u { stroke: var(--order); stroke-width: 1.4; fill: none; } .p-s { stroke: var(--sack); stroke-width: 2; fill: none; stroke-opacity: .75; }
.p-g { stroke: var(--gap); stroke-width: 3; fill: none; stroke-dasharray: 2 3; } .p-x { stroke: var(--bad); stroke-width: 1.3; fill: none; stroke-dasharray: 4 3; }
svg text.m { font-size: 11px; font-weight: 700; text-anchor: middle; }
svg text.m-r, svg text.m-x { fill: var(--again); } svg text.m-d { fill: var(--data); } svg text.m-z { fill: var(--window); } svg text.m-f { fill: var(--order); }
ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 18px; padding: 0; margin: 4px 0 0; font-size: 12.5px; color: var(--soft); }
ul.legend svg { vertical-align: -1px; }
table.ladder th, table.ladder td { padding: 0 8px; vertical-align: middle; }
table.ladder thead th { padding-bottom: 4px; }
th.ends { width: 540px; padding: 0; font-weight: 600; } th.ends span { display: inline-block; width: 50%; overflow-wrap: anywhere; } th.ends span + span { text-align: right; }
table.ladder td.arrow { padding: 0; line-height: 0; } td.arrow svg { display: block; }
td.arrow text { text-anchor: middle; font: 11.5px ui-monospace, monospace; }
td.arrow .bad { color: var(--bad); } td.arrow .odd { color: var(--odd); } td.arrow .plain { color: var(--data); }
td.arrow .bad text { fill: var(--bad); } td.arrow .odd text { fill: var(--odd); }
.rail { stroke: var(--line); stroke-width: 2; } .shaft { stroke: currentColor; stroke-width: 1.5; } .head { fill: currentColor; }
tr.skip td { color: var(--soft); text-align: center; font-style: italic; background: var(--band); padding: 2px 8px; }
.label { display: inline-block; border: 1px solid var(--line); border-radius: 3px; padding: 0 5px; font-size: 12px; background: var(--band); white-space: nowrap; }
.hidden { position: absolute; width: 0; height: 0; overflow: hidden; }
@media print {
  :root { color-scheme: light; ${LIGHT} }
  body { max-width: none; padding: 0; font-size: 10pt; }
  h2, h3, figcaption, caption { break-after: avoid; } figure, tr, dl { break-inside: avoid; } thead { display: table-header-group; }
  a { color: inherit; text-decoration: none; } .back { display: none; } .wide { overflow: visible; } table.flows { min-width: 0; }
}
`
