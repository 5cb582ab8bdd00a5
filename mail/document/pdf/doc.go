// Package pdf reads the text of PDF documents.
//
// PDFium reads it, the library of Chromium, compiled to WebAssembly. Documents are made to attack
// such libraries, and PDFium is C++. So there are two walls around it:
//
//	Extractor.Text ──pipe──► child process ── Serve ──► WebAssembly (wazero)
//	     extractor.go          no environment             no files, no network, no clock to speak of
//	                           limits of memory,          256 MiB of memory
//	                           CPU and files              a fresh instance for each document
//	                           limits_linux.go            serve.go
//
// The child is this program again, with [Argument] as its first argument. It reads documents from
// its standard input, one after the other, and writes the text of each page to its standard output
// (message.go). If it takes too long, or ends, the document has an error and the next one gets
// another child.
//
// PDFium is compiled to machine code without the functions that reading text cannot reach
// (module.go, and package trim). That takes 1.5 seconds of CPU and, for that time, some 155 MB of
// memory. The result, 15 MB, is kept in a directory, so this happens once for each version of the
// program. After that a child starts in 0.1 seconds and takes 70 MB. Where wazero has no compiler,
// PDFs are not read, because its interpreter takes a hundred times as long.
package pdf
