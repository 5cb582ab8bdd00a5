package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"time"
)

// A file is a file of an archive or a package.
type file struct {
	path string // within the archive, or from the root of the system
	data []byte
	mode os.FileMode
}

// writeTar writes files to a compressed tar archive, below a directory.
func writeTar(to, directory string, files []file, modified time.Time) error {
	return create(to, func(w io.Writer) error {
		compressed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
		if err != nil {
			return err
		}
		archive := tar.NewWriter(compressed)
		for _, f := range files {
			header := &tar.Header{
				Name: path.Join(directory, f.path), Size: int64(len(f.data)), Mode: int64(f.mode), ModTime: modified, Format: tar.FormatUSTAR,
			}
			if err := archive.WriteHeader(header); err != nil {
				return err
			}
			if _, err := archive.Write(f.data); err != nil {
				return err
			}
		}
		if err := archive.Close(); err != nil {
			return err
		}
		return compressed.Close()
	})
}

// writeZip writes files to a zip archive, below a directory.
func writeZip(to, directory string, files []file, modified time.Time) error {
	return create(to, func(w io.Writer) error {
		archive := zip.NewWriter(w)
		for _, f := range files {
			header := &zip.FileHeader{Name: path.Join(directory, f.path), Method: zip.Deflate, Modified: modified}
			header.SetMode(f.mode)
			entry, err := archive.CreateHeader(header)
			if err != nil {
				return err
			}
			if _, err := entry.Write(f.data); err != nil {
				return err
			}
		}
		return archive.Close()
	})
}

// create makes a file that everybody may read, and has write fill it.
func create(to string, write func(io.Writer) error) error {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", to, err)
	}
	return f.Close()
}
