// Package gincontrib is for programs that use github.com/gin-contrib/sessions.
package gincontrib
