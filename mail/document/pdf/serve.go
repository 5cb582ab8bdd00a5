package pdf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	gopdfium "github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/mailstrata/mailstrata/mail/document/pdf/trim"
)

const (
	// memoryPages is the memory of the WebAssembly machine, in pages of 64 KiB: 256 MiB.
	memoryPages = 4096
	// maxPages is the largest number of pages that are read.
	maxPages = 10_000
	// documentTime is how long the child works on a document. Then it ends, whether its parent
	// still lives or not.
	documentTime = 30 * time.Second
)

// Serve is what the child process does: it reads documents from r and writes their text to w, until
// r ends. Compiled code is kept in the directory cache, unless that is empty or others can write to
// it.
func Serve(r io.Reader, w io.Writer, cache string) error {
	if err := limitProcess(); err != nil {
		return err
	}
	pool, err := newPool(cache)
	if err != nil {
		return err
	}
	if err := writeReady(w); err != nil {
		return err
	}
	for {
		document, limit, err := readRequest(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		watchdog := time.AfterFunc(documentTime, func() { os.Exit(1) })
		reason := readPages(pool, document, limit, func(text string) error { return writeResponse(w, pageResponse, text) })
		watchdog.Stop()
		if reason == nil {
			err = writeResponse(w, endResponse, "")
		} else {
			text, _, _ := strings.Cut(strings.ToValidUTF8(reason.Error(), "\uFFFD"), "\n") // a stack of the machine follows
			err = writeResponse(w, errorResponse, text[:min(len(text), maxError)])
		}
		if err != nil {
			return err
		}
	}
}

func newPool(cache string) (gopdfium.Pool, error) {
	config := wazero.NewRuntimeConfigCompiler().WithMemoryLimitPages(memoryPages).
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling)
	if cache != "" && os.MkdirAll(cache, 0o700) == nil && isPrivate(cache) {
		kept, err := wazero.NewCompilationCacheWithDir(cache)
		if err != nil {
			return nil, err
		}
		config = config.WithCompilationCache(kept)
	}
	module, err := trim.Module(pdfium, calls)
	if err != nil {
		return nil, fmt.Errorf("make PDFium smaller: %w", err)
	}
	return webassembly.Init(webassembly.Config{
		MaxTotal: 1, RuntimeConfig: config, WASM: module,
		FSConfig: wazero.NewFSConfig(), // no files; the default of this module is all of them
		Stdout:   io.Discard, Stderr: io.Discard,
	})
}

// readPages gives the text of each page of a document, until limit bytes.
func readPages(pool gopdfium.Pool, document []byte, limit int, page func(text string) error) error {
	instance, err := pool.GetInstance(documentTime)
	if err != nil {
		return err
	}
	defer instance.Close() // which ends it: the next document gets another
	opened, err := instance.OpenDocument(&requests.OpenDocument{File: &document})
	if err != nil {
		return err
	}
	count, err := instance.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: opened.Document})
	if err != nil {
		return err
	}
	var problem error
	for i := range min(count.PageCount, maxPages) {
		text, err := instance.GetPageText(&requests.GetPageText{
			Page: requests.Page{ByIndex: &requests.PageByIndex{Document: opened.Document, Index: i}},
		})
		if err != nil {
			problem = fmt.Errorf("page %d: %w", i+1, err)
			continue
		}
		readable := pageText(text.Text)
		last := len(readable) >= limit
		readable = cut(readable, limit)
		limit -= len(readable)
		if err := page(readable); err != nil {
			return err
		}
		if last {
			return nil
		}
	}
	return problem
}

// pageText returns the text of a page with words that were hyphenated at the end of a line joined.
// PDFium marks such hyphens.
func pageText(text string) string {
	return strings.ToValidUTF8(hyphens.Replace(text), "\uFFFD") + "\n"
}

var hyphens = strings.NewReplacer("\x02\r\n", "", "\x02", "", "\uFFFE\r\n", "", "\uFFFE", "", "\r\n", "\n")

// cut returns the first limit bytes of a text, or fewer so that no character is cut.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
