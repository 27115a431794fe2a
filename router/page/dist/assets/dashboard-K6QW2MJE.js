import{K as l,M as d,d as o,n as e}from"./part-VZMMEQVI.js";import"./part-K4SABGCS.js";l();o(e(d,{page:"dashboard",title:"Dashboard",children:null}),document.getElementById("page"));
