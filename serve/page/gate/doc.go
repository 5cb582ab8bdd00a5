// Package gate lets only the person who started a server see its pages, from a browser in which any
// other page may run.
//
//	request ──► headers of every answer            headers.go
//	        ──► Host: names this server             (DNS rebinding)                     check.go
//	        ──► path: begins with a random prefix   (other servers of this host)
//	        ──► GET, and POST to log in
//	        ──► Sec-Fetch-Site, Origin              (pages of others that ask for it)
//	        ──► login: the one-time token of a link, or the password ──► cookie         login.go
//	        ──► session: the cookie                                                     session.go
//	        ──► the pages
//
// A browser sends a cookie to all ports of a host, and other programs of the host may serve pages
// there. So a cookie alone is not enough: Sec-Fetch-Site (Fetch Metadata Request Headers, W3C) must
// say that a page of this origin asked, or the person themselves, and nobody else knows the prefix.
package gate
