package main

// page is the Gin program's one page; site/cart.html is Django's.
const page = `<!doctype html>
<title>Cart, by Gin</title>
<h1>Gin</h1>
{{with .User}}
  <p>Hello, {{.Username}}.</p>
  <form method="post" action="/logout"><button>Sign out</button></form>
{{else}}
  <p><a href="http://127.0.0.1:8000/admin/login/?next=/">Sign in</a></p>
{{end}}
<ul>{{range .Cart}}<li>{{.}}</li>{{end}}</ul>
<form method="post"><input name="item" required> <button>Add</button></form>
<p><a href="http://127.0.0.1:8000/">The same cart, by Django</a></p>
`
