import{a as o,b as e,c as l,d}from"./part-WJ3IOTYM.js";l();o(e(d,{page:"dashboard",title:"Dashboard",children:null}),document.getElementById("page"));
