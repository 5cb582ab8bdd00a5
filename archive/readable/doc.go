// Package readable reads archived messages for programs that look for words in them. Most of the
// bytes of mail are attachments in base64 without any words, such as pictures, and the archive
// stores these in parts of their own. So it leaves them out:
//
//	items ──► window    the parts of some hundred messages                                messages.go
//	            ──► batch     8 MiB of their text, fetched with many requests at once
//	                  ──► skeleton    a message without its Base64 parts, which shows     skeleton.go
//	                                  what each of these is
//	                        ──► Message     with the Base64 parts that are wanted, encoded as they were
//
// A store that is far away is asked three times in a row for each window and twice for each batch.
package readable
