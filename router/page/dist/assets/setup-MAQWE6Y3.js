import{K as o,M as t,d as e,n as l}from"./part-VZMMEQVI.js";import"./part-K4SABGCS.js";o();e(l(t,{page:"setup",title:"Set up",children:null}),document.getElementById("page"));
