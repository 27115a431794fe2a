import{a as e,b as l,c as o,d as t}from"./part-WJ3IOTYM.js";o();e(l(t,{page:"chat",title:"New chat",children:null}),document.getElementById("page"));
