package hostile

import "strings"

// parsers are documents that one parser reads in another way than the next. What a sanitizer takes
// for text or an attribute is an element for the browser, or becomes one when it reads the result.
var parsers = []trick{
	{"noscript-attribute", `<noscript><p title="</noscript><img src=x: onerror=RAN>"></noscript><img src=x: onerror=RAN>`},
	{"style-attribute", `<style><a title="</style><img src=x: onerror=RAN>"></style>`},
	{"title-attribute", `<title><a title="</title><img src=x: onerror=RAN>"></title>`},
	{"textarea-attribute", `<textarea><a title="</textarea><img src=x: onerror=RAN>"></textarea>`},
	{"xmp-attribute", `<xmp><a title="</xmp><img src=x: onerror=RAN>"></xmp>`},
	{"noembed-attribute", `<noembed><a title="</noembed><img src=x: onerror=RAN>"></noembed>`},
	{"iframe-attribute", `<iframe><a title="</iframe><img src=x: onerror=RAN>"></iframe>`},
	{"template-attribute", `<template><a title="</template><img src=x: onerror=RAN>"></template><img src=x: onerror=RAN>`},
	{"comment-end", `<!--><img src=x: onerror=RAN>--><!--->x<!-- --!><img src=x: onerror=RAN>-->`},
	{"comment-attribute", `<!-- <a title="--><img src=x: onerror=RAN>">`},
	{"comment-bogus", `<!x><img src=x: onerror=RAN></ x><?x><img src=x: onerror=RAN><![CDATA[><img src=x: onerror=RAN>]]>`},
	{"svg-style-end", `<svg><style><a title="</style><img src=x: onerror=RAN>"></style></svg><img src=x: onerror=RAN>`},
	{"svg-style-image", `<svg></p><style><a title="</style><img src=x: onerror=RAN>">`},
	{"svg-cdata", `<svg><![CDATA[</svg><img src=x: onerror=RAN>]]></svg><img src=x: onerror=RAN>`},
	{"svg-title", `<svg><title><style><img src=x: onerror=RAN></style></title></svg><svg><desc><img src=x: onerror=RAN></desc></svg>`},
	{"math-style", `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x: onerror=RAN&gt;"><img src=x: onerror=RAN>`},
	{"math-form", `<form><math><mtext></form><form><mglyph><style></math><img src=x: onerror=RAN></style></math><img src=x: onerror=RAN>`},
	{"math-annotation", `<math><annotation-xml encoding="text/html"><style><img src=x: onerror=RAN></style><img src=x: onerror=RAN></annotation-xml></math>`},
	{"svg-textarea", `<svg><textarea><img src=x: onerror=RAN></textarea></svg><svg><xmp><img src=x: onerror=RAN></xmp></svg>`},
	{"svg-noscript", `<svg><noscript><img src=x: onerror=RAN></noscript><iframe><img src=x: onerror=RAN></iframe></svg>`},
	{"svg-comment", `<svg><style><!--</style>--><img src=x: onerror=RAN></svg>`},
	{"svg-template", `<svg><template><img src=x: onerror=RAN></template></svg>`},
	{"math-depth", repeat("<div>", 506) + `<math><mtext><table><mglyph><svg><style><img src=x: onerror=RAN></style></svg></table></mtext></math><img src=x: onerror=RAN>`},
	{"table-foster", `<table><p><img src=x: onerror=RAN><tr><script>RAN</script><td></p></table>`},
	{"table-caption", `<table><caption><table><tr><td><svg></caption><style><img src=x: onerror=RAN></style>`},
	{"select", `<select><option><style></select><img src=x: onerror=RAN></style><select><svg></select><img src=x: onerror=RAN>`},
	{"adoption", `<a><p><b><a><table><i></a><img src=x: onerror=RAN></table>`},
	{"attribute-backtick", "<img alt=`<x src=x: onerror=RAN>` src=x: onerror=RAN>"},
	{"attribute-broken", `<b "<img src=x: onerror=RAN>"><img """><img src=x: onerror=RAN>">`},
	{"attribute-equals", `<img =src="" src=x: =onerror=1 onerror=RAN><img/alt='>'src=x:/onerror=RAN>`},
	{"attribute-twice", `<img src=data:, src=//HOST/a onerror=RAN onerror=void(0)>`},
	{"attribute-newlines", "<img\nsrc=x:\fonerror\n=\r\nRAN>"},
	{"plaintext", `<img src=x: onerror=RAN><plaintext><script>RAN</script>`},
	{"nul", "<img\x00 src=x: on\x00error=x onerror=RAN><img src=x: \x00onerror=RAN onerror=RAN>"},
	{"half-tag", `<img src=x: onerror=RAN <b`},
	{"bom", "\uFEFF<img src=x: onerror=RAN>\u2028<\u200Bscript>RAN</script>"},
}

func repeat(text string, n int) string { return strings.Repeat(text, n) }
