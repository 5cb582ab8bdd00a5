package page

// Paths returns the paths of all routes.
func (s *Server) Paths() (paths []string) {
	for path := range s.routes {
		paths = append(paths, path)
	}
	return paths
}
