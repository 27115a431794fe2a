import{p as a,q as b}from"./chunk-SIIRAF6W.js";import"./chunk-Q335SS77.js";import"./chunk-73IDQYZD.js";export{b as ConversationList,a as ListOfLinks};
