package page

import "net/http"

// Paths returns the paths of all routes.
func (s *Server) Paths() (paths []string) {
	for path := range s.routes {
		paths = append(paths, path)
	}
	return paths
}

// Download sets the header of a download of an attachment.
func Download(w http.ResponseWriter, name, mediaType string) {
	setDownload(w, fileName(name, mediaType))
}
