package search

// What the tests look at that is nobody else's business.

var (
	AttachmentNames = attachmentNames
	TextStretches   = textRanges
)

const (
	TextChunks = maxTextChunks
	TextEdge   = textEdge
)
