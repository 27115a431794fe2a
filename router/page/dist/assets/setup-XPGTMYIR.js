import{a as e,b as m}from"./part-YKHUOP5S.js";e(m("main",{children:"T3nets"}),document.getElementById("page"));
