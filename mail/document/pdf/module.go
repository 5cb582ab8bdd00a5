package pdf

import _ "unsafe" // for go:linkname

// pdfium is the WebAssembly module of go-pdfium, which is in one of its internal packages.
// webassembly.Init links it, and nothing exported returns it. It must not be changed. If another
// version of go-pdfium names it otherwise, it is empty here: then no PDF is read, and TestText
// fails.
//
//go:linkname pdfium github.com/klippa-app/go-pdfium/internal/pdfium_wasm.Module
var pdfium []byte

// calls are the exports of PDFium that go-pdfium calls for readPages. The largest function of
// PDFium draws pages. wazero takes 180 MB to compile it, and none of these can reach it.
var calls = []string{
	"_initialize", "malloc", "free", "FPDF_InitLibrary",
	"FPDF_LoadMemDocument", "FPDF_GetLastError", "FPDF_GetPageCount", "FPDF_CloseDocument",
	"FPDF_LoadPage", "FPDF_ClosePage",
	"FPDFText_LoadPage", "FPDFText_CountChars", "FPDFText_GetUnicode", "FPDFText_ClosePage",
}
