import{p as a,q as b}from"./part-HDPYSJLA.js";import"./part-2UAXHK6O.js";import"./part-K4SABGCS.js";export{b as ConversationList,a as ListOfLinks};
