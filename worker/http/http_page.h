/* http_page.h: the status page: shows /status, anew every two seconds. No outside resource. */
#ifndef CODEWORKER_HTTP_PAGE_H
#define CODEWORKER_HTTP_PAGE_H

/* Texts are set as text nodes: nothing that a producer wrote becomes markup. */
static const char http_page[] =
	"<!doctype html>\n<html lang=en><meta charset=utf-8>\n"
	"<meta name=viewport content=\"width=device-width\">\n<title>codeworker</title>\n"
	"<style>\n"
	"body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em;"
	"color:#1a1a1a;background:#fff}\n"
	"h1{font-size:1.3em}h2{font-size:1em;margin:1.5em 0 .3em}\n"
	"table{border-collapse:collapse;width:100%}\n"
	"td,th{border-bottom:1px solid #ddd;padding:.25em .6em;text-align:left;"
	"vertical-align:top;font-variant-numeric:tabular-nums}\n"
	"td:first-child{color:#555;white-space:nowrap}\n"
	"#word.bad{color:#b00020}#word.good{color:#11702a}\n"
	"@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}"
	"td,th{border-color:#333}td:first-child{color:#999}}\n"
	"</style>\n<h1>codeworker <span id=word aria-live=polite></span></h1>\n"
	"<main id=status><noscript>See <a href=/status>/status</a>.</noscript></main>\n"
	"<p><a href=/status>status</a> · <a href=/metrics>metrics</a> · "
	"<a href=/readyz>readyz</a> · <a href=/livez>livez</a></p>\n"
	"<script>\n"
	"const put=(parent,tag,text)=>{const e=parent.appendChild(document.createElement(tag));"
	"if(text!==undefined)e.textContent=text;return e};\n"
	"const flat=v=>Array.isArray(v)?v.every(x=>x===null||typeof x!='object')?v.join(', '):null:"
	"v!==null&&typeof v=='object'?null:String(v);\n"
	"const list=(parent,rows)=>{const t=put(parent,'table'),names=[...new Set(rows.flatMap("
	"Object.keys))],h=put(t,'tr');names.forEach(n=>put(h,'th',n));\n"
	"rows.forEach(r=>{const tr=put(t,'tr');names.forEach(n=>put(tr,'td',flat(r[n]?? '')??"
	"JSON.stringify(r[n])))})};\n"
	"const show=(parent,value)=>{const t=put(parent,'table');\n"
	"for(const[k,v]of Object.entries(value)){const text=flat(v);\n"
	"if(text!==null){const r=put(t,'tr');put(r,'td',k);put(r,'td',text)}\n"
	"else{put(parent,'h2',k);Array.isArray(v)?list(parent,v):show(parent,v)}}};\n"
	"const word=(text,good)=>{const w=document.getElementById('word');w.textContent=text;"
	"w.className=good?'good':'bad'};\n"
	"const tick=async()=>{try{\n"
	"const ready=await fetch('/readyz'),line=(await ready.text()).trim();word(line,ready.ok);\n"
	"const status=await(await fetch('/status')).json(),main=document.createElement('main');\n"
	"main.id='status';show(main,status);document.getElementById('status').replaceWith(main);\n"
	"}catch(e){word('does not answer',false)}setTimeout(tick,2000)};\ntick();\n"
	"</script>\n";

#endif
